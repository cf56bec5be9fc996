// The cases in test/cases/: one directory each, read from the sources because SQL and JSON are not compiled.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Globals } from './globals.js'
import type { MysqlKind } from './servers.js'

export type WritePath = 'load-data' | 'insert'

export const PATHS: readonly WritePath[] = ['insert', 'load-data']

export const PAIRS: readonly (readonly [MysqlKind, MysqlKind])[] = [
  ['mysql', 'mysql'],
  ['mariadb', 'mariadb'],
  ['mysql', 'mariadb'],
  ['mariadb', 'mysql'],
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
  /** From MySQL or MariaDB to SQLite and back: the direction that is refused, or equal. */
  readonly sqlite?: RoundTrip | Readonly<Record<MysqlKind, RoundTrip>>
  /** SQL that both sides are compared by, instead of the column itself. */
  readonly compare?: Readonly<Record<string, string>>
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

const KEYS = new Set('description types params expect pairs sqlite compare globals threads table'.split(' '))

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

export function expectation(one: Case, from: MysqlKind, to: MysqlKind, path: WritePath): Expectation {
  for (const [key, expected] of Object.entries(one.pairs ?? {})) {
    const match = /^(mysql|mariadb|\*)->(mysql|mariadb|\*)(?: (load-data|insert))?$/.exec(key)
    if (!match) throw new Error(`${one.name}: "${key}" is not a pair`)
    const [, source, target, only] = match
    if (source !== '*' && source !== from) continue
    if (target !== '*' && target !== to) continue
    if (only === undefined || only === path) return expected
  }
  return one.expect
}

/** Whether anything is copied from, or to, this server. */
export function takesPart(one: Case, side: 'from' | 'to', kind: MysqlKind): boolean {
  return PAIRS.some(
    ([from, to]) =>
      (side === 'from' ? from : to) === kind &&
      PATHS.some((path) => {
        const expected = expectation(one, from, to, path)
        return expected === 'equal' || !('absent' in expected)
      }),
  )
}

/** What fills the source: `source.mysql.sql` where a server needs its own, else `source.sql`. */
export function sourceSql({ directory }: Case, kind: MysqlKind): string {
  return read(directory, `source.${kind}.sql`) ?? read(directory, 'source.sql')!
}

/** What makes the target: a target file, else the first part of what fills a source on that server. */
export function targetSql(one: Case, kind: MysqlKind): string {
  const { directory } = one
  const own = read(directory, `target.${kind}.sql`) ?? read(directory, 'target.sql')
  return own ?? sourceSql(one, kind).split(ROWS)[0]!
}

export function sqliteSql({ directory }: Case): string {
  return read(directory, 'target.sqlite.sql')!
}

function read(directory: string, name: string): string | null {
  return existsSync(directory + name) ? readFileSync(directory + name, 'utf8') : null
}

/** What becomes of the way to SQLite and back from that server. */
export function roundTripOf({ sqlite }: Case, kind: MysqlKind): RoundTrip {
  return typeof sqlite === 'object' && kind in sqlite
    ? (sqlite as Readonly<Record<MysqlKind, RoundTrip>>)[kind]
    : (sqlite as RoundTrip)
}
