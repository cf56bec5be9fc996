// The cases in test/cases/: one directory each, read from the sources because SQL and JSON are not compiled.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Globals } from './globals.js'
import type { MysqlKind, ServerKind } from './servers.js'

/** `auto`: by the only path that the target has, or the one that it chooses. */
export type WritePath = 'load-data' | 'insert' | 'bulk' | 'auto'

/** All write paths of a server. */
export function pathsInto(kind: MysqlKind): readonly WritePath[] {
  return kind === 'mariadb' ? ['insert', 'load-data', 'bulk'] : ['insert', 'load-data']
}

/** Where every path would cost too much: bulk on MariaDB in the place of INSERT, which MySQL gets. */
export function pathOn(kind: ServerKind, path: WritePath): WritePath {
  return path === 'insert' && kind === 'mariadb' ? 'bulk' : path
}

export const PAIRS: readonly (readonly [MysqlKind, MysqlKind])[] = [
  ['mysql', 'mysql'],
  ['mariadb', 'mariadb'],
  ['mysql', 'mariadb'],
  ['mariadb', 'mysql'],
]

/** Copied by those cases that have SQL for both ends. */
export const POSTGRES_PAIRS: readonly (readonly [ServerKind, ServerKind])[] = [
  ['postgres', 'postgres'],
  ['mysql', 'postgres'],
  ['mariadb', 'postgres'],
  ['postgres', 'mysql'],
  ['postgres', 'mariadb'],
]

export interface ExpectedError {
  readonly exit: number
  readonly code: string
  /** All must stand in the message. */
  readonly words: readonly string[]
}

/** `equal`: every cell of every row. */
export type Expectation =
  | 'equal'
  /** Equal by the SQL in `compare`: what differs otherwise is the server's doing, which `equal` says in a few words. */
  | { readonly equal: string; readonly compare: Readonly<Record<string, string>> }
  | { readonly error: ExpectedError }
  /** The announced change of the columns in `except`; everything else is equal. */
  | { readonly except: readonly string[]; readonly warnings: readonly string[] }
  /** The pair has not what the case is about. */
  | { readonly absent: string }

type RoundTrip = 'equal' | { readonly there: ExpectedError } | { readonly back: ExpectedError }

export interface CaseFile {
  readonly description: string
  /** What the case says about types, by column: a row of docs/fidelity.md. */
  readonly types?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, unknown>>
  readonly expect: Expectation
  /** By `source->target` or `source->target path`, where `*` is any; the first that fits is used. */
  readonly pairs?: Readonly<Record<string, Expectation>>
  /** From a server to SQLite and back: the direction that is refused, or equal. */
  readonly sqlite?: RoundTrip | Readonly<Record<ServerKind, RoundTrip>>
  /** SQL that both sides are compared by, instead of the column itself. */
  readonly compare?: Readonly<Record<string, string>>
  /** The same in PostgreSQL, where it is said in other words there. */
  readonly comparePostgres?: Readonly<Record<string, string>>
  /** Server variables that the case needs, with their values. */
  readonly globals?: Globals
  /** Every copy is a whole run: the table needs what only the coordinator does. */
  readonly threads?: true
  /** `t` if not given. */
  readonly table?: string
}

export interface Case extends CaseFile {
  readonly name: string
  readonly directory: string
}

const KEYS = new Set(
  'description types params expect pairs sqlite compare comparePostgres globals threads table'.split(' '),
)

const PAIR = /^(mysql|mariadb|postgres|\*)->(mysql|mariadb|postgres|\*)(?: (load-data|insert|bulk))?$/

/** Ends the part of source.sql that makes the table, which is run in the target too. */
const ROWS = /^-- rows$/m

const root = fileURLToPath(new URL('../../../test/cases/', import.meta.url))

export function loadCases(): Case[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const directory = `${root}${name}/`
      const file = JSON.parse(readFileSync(`${directory}case.json`, 'utf8')) as CaseFile
      const unknown = Object.keys(file).find((key) => !KEYS.has(key))
      if (unknown) throw new Error(`${directory}case.json: unknown key ${unknown}`)
      return { ...file, name, directory }
    })
}

export function expectation(one: Case, from: ServerKind, to: ServerKind, path: WritePath): Expectation {
  for (const [key, expected] of Object.entries(one.pairs ?? {})) {
    const match = PAIR.exec(key)
    if (!match) throw new Error(`${one.name}: "${key}" is not a pair`)
    const [, source, target, only] = match
    if (source !== '*' && source !== from) continue
    if (target !== '*' && target !== to) continue
    if (only === undefined || only === path) return expected
  }
  return one.expect
}

/** Whether anything is copied from, or to, this server. */
export function takesPart(one: Case, side: 'from' | 'to', kind: ServerKind): boolean {
  return [...PAIRS, ...POSTGRES_PAIRS].some(
    ([from, to]) =>
      (side === 'from' ? from : to) === kind &&
      hasSql(one, from, to) &&
      (to === 'postgres' ? (['auto'] as const) : pathsInto(to)).some((path) => {
        const expected = expectation(one, from, to, path)
        return expected === 'equal' || !('absent' in expected)
      }),
  )
}

/** Whether the case is about this pair. */
export function hasSql(one: Case, from: ServerKind, to: ServerKind): boolean {
  return sourceSql(one, from) !== null && targetSql(one, to) !== null
}

/** What fills the source: `source.mysql.sql` where a server needs its own, else `source.sql`, which is not for PostgreSQL. */
export function sourceSql({ directory }: Case, kind: ServerKind): string | null {
  return read(directory, `source.${kind}.sql`) ?? (kind === 'postgres' ? null : read(directory, 'source.sql'))
}

/** What makes the target: a target file, else the first part of what fills a source on that server. */
export function targetSql(one: Case, kind: ServerKind): string | null {
  const { directory } = one
  const shared = kind === 'postgres' ? null : read(directory, 'target.sql')
  const own = read(directory, `target.${kind}.sql`) ?? shared
  return own ?? sourceSql(one, kind)?.split(ROWS)[0] ?? null
}

export function sqliteSql({ directory }: Case): string {
  return read(directory, 'target.sqlite.sql')!
}

function read(directory: string, name: string): string | null {
  return existsSync(directory + name) ? readFileSync(directory + name, 'utf8') : null
}

/** What becomes of the way to SQLite and back from that server. */
export function roundTripOf({ sqlite }: Case, kind: ServerKind): RoundTrip {
  return typeof sqlite === 'object' && kind in sqlite
    ? (sqlite as Readonly<Record<ServerKind, RoundTrip>>)[kind]
    : (sqlite as RoundTrip)
}
