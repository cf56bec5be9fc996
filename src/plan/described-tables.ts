/** What plans are made from: tables as their databases describe them, each with the reader of its database. */
import type { Reader, SourceDdl, TableSchema } from '../contract/plugin.js'
import type { SourceTable } from '../contract/source-spec.js'

/** One table, or several alike for which one plan is made. */
export interface DescribedTables {
  /** The first of several stands for all, under the name that the task gives. */
  readonly table: TableSchema
  readonly each: readonly DescribedTable[]
  /** Not yet with key and window. null: it is one table. */
  readonly sources: readonly SourceTable[] | null
  readonly reasons: readonly string[]
}

export interface DescribedTable {
  readonly table: TableSchema
  readonly reader: Reader
}

/** How long many tables are asked about, one after another. */
const LOOK_MS = 2000

export function oneTable(reader: Reader, table: TableSchema): DescribedTables {
  return { table, each: [{ reader, table }], sources: null, reasons: [] }
}

/** What says how a table is made that is to be like another one. */
export interface TableModel {
  readonly table: TableSchema
  /** null: it is made from the schema alone. */
  sourceDdl(): Promise<SourceDdl | null>
  /** See `DdlSkill.wideColumns`. */
  wideColumns(): Promise<readonly string[]>
}

export function modelOf({ table, each }: DescribedTables): TableModel {
  const [first] = each
  return {
    table,
    sourceDdl: async () => (await first?.reader.skills.ddl?.sourceDdl(first.table.table)) ?? null,
    /** One table after the other, until that has taken long. */
    wideColumns: async () => {
      const end = performance.now() + LOOK_MS
      const names = new Set<string>()
      for (const { reader, table } of each) {
        for (const name of (await reader.skills.ddl?.wideColumns(table.table)) ?? []) names.add(name)
        if (performance.now() > end) break
      }
      return [...names]
    },
  }
}
