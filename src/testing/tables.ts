/** The tables that suites ask for, and the specs with which the engine would read and write them. */
import assert from 'node:assert/strict'
import type { Batch } from '../wire/batch.js'
import type { BatchLimits } from '../wire/builder.js'
import { BatchBuilder } from '../wire/builder.js'
import { forEachRow } from '../wire/each-row.js'
import type { Connection, Endpoint } from '../contract/endpoint.js'
import type { ReadSpec } from '../contract/read.js'
import type { ColumnKind, SplitKey, TableSchema } from '../contract/table-schema.js'
import type { WriteMode, WriteSpec } from '../contract/write.js'
import type { CellValue, Rows } from './values.js'
import { values } from './values.js'

export interface WantedColumn {
  readonly name: string
  /** Its type must take the values of `values` of this kind. */
  readonly kind: ColumnKind
  readonly nullable: boolean
}

/** A table that a suite asks you to make. */
export interface WantedTable {
  readonly name: string
  readonly columns: readonly WantedColumn[]
  /** Columns of its one unique key, which is the primary key unless one of them is nullable; empty: it has none. */
  readonly key: readonly string[]
  readonly rows: Rows
}

/** What is common to all suites of tables. */
export interface TableSuite {
  /** Column kinds that the database has. */
  readonly kinds: readonly ColumnKind[]
  /** Its tables may have unique keys; `nullable`: on columns that may be NULL, too. Default: `nullable`. */
  readonly keys?: false | 'not null' | 'nullable'
  /** Values in the place of those of `values`, for kinds of which the database does not hold all. */
  readonly values?: Partial<Readonly<Record<ColumnKind, readonly Exclude<CellValue, null>[]>>>
  /** Makes a table with its rows, by other means than the plugin; resolves to the connection that leads to it. Names never repeat in a process. */
  make(table: WantedTable): Promise<Connection>
}

let tables = 0

export function wanted(
  columns: readonly (readonly [name: string, kind: ColumnKind, nullable?: 'nullable'])[],
  key: readonly string[],
  rows: Rows = [],
): WantedTable {
  return {
    name: `conformance_${process.pid}_${++tables}`,
    columns: columns.map(([name, kind, nullable]) => ({ name, kind, nullable: nullable !== undefined })),
    key,
    rows,
  }
}

export function kindsOf({ columns }: Pick<WantedTable, 'columns'>): ColumnKind[] {
  return columns.map(({ kind }) => kind)
}

export function valuesOf(suite: TableSuite, kind: ColumnKind): readonly Exclude<CellValue, null>[] {
  return suite.values?.[kind] ?? values[kind]
}

/** What a row is counted by: an integer where there are any, else a text. */
export function counterKind({ kinds }: TableSuite): ColumnKind {
  return kinds.includes('integer') ? 'integer' : 'text'
}

export function endpointAt(connection: Connection): Endpoint {
  return { plugin: 'rowshift/testing', connection, session: [] }
}

export const SMALL: BatchLimits = { bytes: 1 << 19, rows: 10 }

export function readSpec(table: TableSchema, batch: BatchLimits = SMALL): ReadSpec {
  return {
    table,
    columns: table.columns,
    key: splitKeyOf(table),
    splitRows: 7,
    batch,
    where: null,
    window: null,
  }
}

function splitKeyOf({ columns, keys }: TableSchema): SplitKey | null {
  const [key] = keys
  if (key === undefined) return null
  const of = key.columns.map((name) => columns.find((column) => column.name === name))
  if (!of.every((column) => column?.ordered === true)) return null
  return { name: key.name, columns: of.map((column) => column!), nullable: key.nullable }
}

export function writeSpec(table: TableSchema, writeMode: WriteMode = 'insert', tolerated = 0): WriteSpec {
  return {
    table,
    create: null,
    columns: table.columns.map((column) => ({
      source: column,
      target: column,
      check: { conversion: 'exact', why: 'same type' },
    })),
    from: table.table,
    key: splitKeyOf(table),
    writeMode,
    identity: writeMode === 'ignore' || writeMode === 'upsert' ? (table.keys[0]?.columns ?? null) : null,
    deletes: false,
    errorLimit: { record: tolerated, percentage: null },
    threads: 1,
    writeBatch: null,
    preSql: [],
    postSql: [],
  }
}

/** Rows in the wire format. */
export function batchesOf(rows: Rows, limits: BatchLimits = SMALL): Batch[] {
  const builder = new BatchBuilder(limits)
  const batches: Batch[] = []
  for (const row of rows) {
    for (const value of row) {
      if (value === null) builder.appendNull()
      else builder.appendBytes(Buffer.from(value))
    }
    builder.endRow()
    if (builder.full) batches.push(builder.take()!)
  }
  const last = builder.take()
  return last === null ? batches : [...batches, last]
}

/** The rows of a batch, whose number must be as it says. */
export function rowsOf(batch: Batch, kinds: readonly ColumnKind[]): CellValue[][] {
  const rows: CellValue[][] = []
  forEachRow(batch, (cells) => {
    assert.equal(cells.length, kinds.length, 'a row has a cell for each column')
    rows.push(
      cells.map((cell, i) => {
        if (cell === null) return null
        return kinds[i] === 'bytes'
          ? Buffer.from(cell)
          : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(cell)
      }),
    )
  })
  assert.equal(rows.length, batch.rows, 'a batch holds as many rows as it says')
  return rows
}

/** Rows of a counter and a text. */
export function numbered(count: number, from = 0): CellValue[][] {
  return Array.from({ length: count }, (_, i) => [String(from + i), `row ${from + i}`])
}
