// SQLite for the conformance suites.
import sqlite from '../../plugins/sqlite/plugin.js'
import type { Column, Connection } from '../../src/contract/plugin.js'
import type { CellValue, SinkSuite, TaskStoreSuite, WantedTable } from '../../src/testing.js'
import type { SqlWriting } from './conformance-sql.js'
import { createSql, insertSql, taskSql } from './conformance-sql.js'
import { scratchFile } from './copying.js'
import { sqliteFile, sqliteRows, sqliteRun } from './sqlite.js'

const sql: SqlWriting = {
  types: { integer: 'INTEGER', float: 'REAL', text: 'TEXT', bytes: 'BLOB' },
  keyText: 'TEXT',
  name: (name) => `"${name}"`,
  text: (value) => `CAST(X'${Buffer.from(value).toString('hex')}' AS TEXT)`,
}
const kinds = Object.keys(sql.types) as Column['kind'][]
const paths = new Map<string, string>()
const make = async (table: WantedTable): Promise<Connection> => {
  const path = sqliteFile(`${createSql(table, sql)}; ${insertSql(table, sql) ?? ''}`)
  paths.set(table.name, path)
  return { path }
}
const rows = async ({ name, columns }: WantedTable): Promise<CellValue[][]> => {
  const digits = `CASE typeof(?) WHEN 'real' THEN printf('%!.17g', ?) ELSE CAST(? AS BLOB) END`
  const cells = columns.map((column) => digits.replaceAll('?', `"${column.name}"`))
  const found = sqliteRows(paths.get(name)!, `SELECT ${cells.join(', ')} FROM "${name}"`)
  return found.map((row) =>
    row.map((cell, i) => {
      if (cell === null || typeof cell === 'string') return cell
      const bytes = Buffer.from(cell as Uint8Array)
      return columns[i]!.kind === 'bytes' ? bytes : bytes.toString()
    }),
  )
}

/** For a source too. */
export const sqliteSuite: SinkSuite = {
  plugin: sqlite,
  kinds,
  make,
  rows,
}

export const sqliteStore: TaskStoreSuite = {
  plugin: sqlite,
  open: async () => ({ path: scratchFile('db') }),
  addTask: async (connection, task) => sqliteRun(String(connection['path']), taskSql(task, sql)),
}
