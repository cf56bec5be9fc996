import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type {
  Batch,
  Column,
  Endpoint,
  Reader,
  Split,
  TableSchema,
  WriteOptions,
  Writer,
} from '../../src/contract/plugin.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'
import { Database } from '../support/database.js'

export const NEVER = new AbortController().signal

const directories = new Set<string>()
// Also where no test of a file runs, so that no hook does.
process.on('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A directory of its own for each test file, and databases in it. */
export class Fixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'rowshift-unit-'))
  #files = 0

  constructor() {
    directories.add(this.directory)
  }

  /** Creates a database and returns its path. */
  create(sql: string, fill: (database: Database) => void = () => {}): string {
    const path = join(this.directory, `${++this.#files}.db`)
    const database = new Database(path)
    database.exec('PRAGMA synchronous = OFF')
    database.exec(sql)
    database.exec('BEGIN')
    fill(database)
    database.exec('COMMIT')
    database.close()
    return path
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export function endpoint(path: string, session: readonly string[] = []): Endpoint {
  return { plugin: 'sqlite', connection: { path }, session }
}

export function openReader(path: string): Reader {
  return sqlite.createReader!(endpoint(path))
}

export function openWriter(path: string, session: readonly string[] = []): Writer {
  return sqlite.createWriter!(endpoint(path, session))
}

export interface PlanOptions {
  readonly splitRows?: number
  readonly batchBytes?: number
  readonly where?: string
  readonly preSql?: readonly string[]
  readonly postSql?: readonly string[]
}

/** Columns by position, the first key whose columns are ordered. */
export function draftPlan(source: TableSchema, target: TableSchema, options: PlanOptions = {}): RunPlan {
  const columnOf = (name: string): Column => source.columns.find((column) => column.name === name)!
  const key = source.keys.find(({ columns }) => columns.every((name) => columnOf(name).ordered))
  const splitKey = key ? { name: key.name, columns: key.columns.map(columnOf), nullable: key.nullable } : null
  const batch = { bytes: options.batchBytes ?? 1 << 16, rows: Number.MAX_SAFE_INTEGER }
  return {
    mode: 'init',
    read: {
      table: source,
      sources: null,
      columns: source.columns,
      key: splitKey,
      splitRows: options.splitRows ?? 1000,
      batch,
      where: options.where ?? null,
      window: null,
    },
    write: {
      table: target,
      sharding: null,
      create: null,
      columns: target.columns.slice(0, source.columns.length).map((column, i) => ({
        source: source.columns[i]!,
        target: column,
        check: { conversion: 'checked', why: '' },
      })),
      from: source.table,
      key: splitKey,
      writeMode: 'insert',
      identity: null,
      deletes: false,
      errorLimit: { record: 0, percentage: null },
      threads: 1,
      writeBatch: null,
      preSql: options.preSql ?? [],
      postSql: options.postSql ?? [],
      batch,
      path: 'insert',
      facts: {},
      reasons: [],
      warnings: [],
    },
    deletions: null,
    pipeline: null,
    policy: {
      workerNum: 1,
      firstThreads: 1,
      consistency: 'split',
      speed: null,
      resumable: false,
      unresumable: null,
      besideRows: [],
      indexesLast: 'none',
      watermarks: {},
      retry: { attempts: 0, maxWait: 0 },
    },
    reasons: [],
    warnings: [],
    delays: [],
    marks: null,
  }
}

export async function makePlan(
  reader: Reader,
  writer: Writer,
  from: string,
  to: string,
  options: PlanOptions = {},
) {
  const draft = draftPlan(await reader.describe(from), await writer.describe(to), options)
  return {
    ...draft,
    write: { ...draft.write, ...(await writer.plan(draft.write, null)) },
  }
}

/** Nothing is tolerated. */
export const writeOptions: WriteOptions = {
  signal: NEVER,
  onProgress: () => {},
  onDirty(_row, error) {
    throw error
  },
  beforeCommit: () => {},
}

/** Copies a table, split after split, and returns the number of rows written. */
export async function copy(
  from: string,
  to: string,
  table: string,
  options: PlanOptions = {},
): Promise<number> {
  const reader = openReader(from)
  const writer = openWriter(to)
  try {
    await reader.connect()
    await writer.connect()
    const plan = await makePlan(reader, writer, table, table, options)
    await writer.prepare(plan.write, NEVER)
    let rows = 0
    for await (const split of reader.split(plan.read, () => plan.read.splitRows, NEVER)) {
      const batches = reader.read(plan.read, split, NEVER)
      rows += (await writer.write(plan.write, batches, writeOptions)).rowsWritten
    }
    await writer.finish(plan.write, NEVER)
    return rows
  } finally {
    await reader.close()
    await writer.close()
  }
}

/** Rows of `table` that stand in one of the two files only, judged by SQLite: value, storage class and bytes. */
export function differences(from: string, to: string, table: string): unknown[] {
  const database = new Database(from, { readOnly: true })
  try {
    database.prepare('ATTACH ? AS other').run(to)
    const names = database.column('SELECT name FROM pragma_table_info(?)', table) as string[]
    const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`)
    const cells = quoted.map((name) => `${name}, typeof(${name}), hex(${name})`).join(', ')
    const name = `"${table.replaceAll('"', '""')}"`
    const except = (a: string, b: string) =>
      database.prepare(`SELECT ${cells} FROM ${a}.${name} EXCEPT SELECT ${cells} FROM ${b}.${name}`).all()
    const count = (a: string) => database.value(`SELECT count(*) FROM ${a}.${name}`)
    expect(count('other')).to.equal(count('main'))
    return [...except('main', 'other'), ...except('other', 'main')]
  } finally {
    database.close()
  }
}

export async function* batchesOf(...batches: Batch[]): AsyncGenerator<Batch> {
  yield* batches
}

export function batch(...rows: string[]): Batch {
  return { bytes: Buffer.from(rows.map((row) => `${row}\n`).join('')), rows: rows.length }
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function readAll(reader: Reader, plan: RunPlan, split: Split): Promise<string> {
  const batches = await collect(reader.read(plan.read, split, NEVER))
  return Buffer.concat(batches.map(({ bytes }) => bytes)).toString()
}

export const WHOLE: Split = { index: 0, lower: null, upper: null }

/** The error that `work` must end with. */
export async function failure(work: Promise<unknown>): Promise<RowshiftError> {
  let result: unknown
  try {
    result = await work
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(RowshiftError)
    return thrown as RowshiftError
  }
  return expect.fail(`no error, but ${JSON.stringify(result)}`)
}
