// What copy tests share: a database with a source and a target, the program run on them, and the servers' verdict.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { RunReport } from '../../src/index.js'
import { createDatabase, query, runCli, type CliResult } from './context.js'
import type { ServerKind, TestServer } from './servers.js'

export interface Outcome extends CliResult {
  readonly report: RunReport
}

/** A folder that is deleted with the process. */
export const scratch = mkdtempSync(join(tmpdir(), 'rowshift-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

let files = 0

export function scratchFile(ending: string): string {
  return join(scratch, `${++files}.${ending}`)
}

/** Runs a command that writes a report and reads that. */
export async function runWithReport(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const file = scratchFile('json')
  const result = await runCli([...args, '--report', file], { env })
  return { ...result, report: JSON.parse(readFileSync(file, 'utf8')) as RunReport }
}

/** A database of its own on a server. */
export class TestDatabase<K extends ServerKind = ServerKind> {
  readonly server: TestServer<K>
  readonly database: string

  private constructor(server: TestServer<K>, database: string) {
    this.server = server
    this.database = database
  }

  static async create<K extends ServerKind>(server: TestServer<K>, sql = ''): Promise<TestDatabase<K>> {
    const db = new TestDatabase(server, await createDatabase(server))
    if (sql !== '') await db.query(sql)
    return db
  }

  query(sql: string) {
    return query(this.server, sql, this.database)
  }

  /** The first cell of the first row. */
  async value(sql: string): Promise<string | null | undefined> {
    return (await this.query(sql))[0]?.[0]
  }

  url(table: string, parameters = ''): string {
    return `${this.server.url}/${this.database}?table=${encodeURIComponent(table)}${parameters}`
  }

  /** Of all its tables. */
  get wholeUrl(): string {
    return `${this.server.url}/${this.database}`
  }

  copy(from: string, to: string, params: object = {}): Promise<Outcome> {
    return this.copyTo(from, this.url(to), params)
  }

  /** Into a table anywhere. Two threads, unless asked otherwise: each costs as much to start as a small copy. */
  copyTo(from: string, to: string, params: object = {}): Promise<Outcome> {
    const endpoints = ['--from', this.url(from), '--to', to]
    return runWithReport(['copy', ...endpoints, '--params', JSON.stringify({ worker_num: 2, ...params })])
  }

  /** The server's own word that two tables hold the same rows. */
  async expectEqual(a: string, b: string): Promise<void> {
    const rows = await this.query(checksums(this.server.kind, a, b))
    expect(rows[0]![1], `checksum of ${a} and ${b}`).to.equal(rows[1]![1])
  }
}

function checksums(kind: ServerKind, ...tables: string[]): string {
  if (kind !== 'postgres') return `CHECKSUM TABLE ${tables.map((table) => `\`${table}\``).join(', ')}`
  const sum = (table: string) =>
    `SELECT '${table}', count(*) || ' ' || COALESCE(md5(string_agg(q::text, '\n' ORDER BY q::text COLLATE "C")), '') FROM "${table}" q`
  return tables.map(sum).join(' UNION ALL ')
}

/** A user's mistake: its exit code, its code, words that must be there, and nothing that looks like a fault of ours. */
export function expectRefusal(
  outcome: CliResult,
  exit: number,
  code: string,
  ...words: (string | RegExp)[]
): void {
  // The plan stands on stderr too, and would hold most names anyway; only the error itself counts.
  const error = outcome.stderr.slice(outcome.stderr.indexOf('rowshift: '))
  expect(error).to.include(`[${code}]`)
  for (const word of words) {
    if (typeof word === 'string') expect(error).to.include(word)
    else expect(error).to.match(word)
  }
  expect(outcome.stderr, 'no stack trace').not.to.match(/^\s+at .*:\d+/m)
  expect(outcome.code, outcome.stderr).to.equal(exit)
}
