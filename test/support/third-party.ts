// A project of somebody else, with rowshift and the CSV plugin installed as npm would install them.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Connection, Plugin } from '../../src/contract/plugin.js'
import type { CellValue, WantedTable } from '../../src/testing.js'
import { scratch } from './copying.js'

const repository = fileURLToPath(new URL('../../..', import.meta.url))

export const project = join(scratch, 'project')
const modules = join(project, 'node_modules')

export const csvName = 'rowshift-csv-folder'

export async function installCsvPlugin(): Promise<Plugin> {
  mkdirSync(modules, { recursive: true })
  symlinkSync(repository, join(modules, 'rowshift'), 'dir')
  cpSync(join(repository, 'test/plugins/csv-folder'), join(modules, csvName), { recursive: true })
  const { href } = pathToFileURL(join(modules, csvName, 'index.js'))
  return ((await import(href)) as { default: Plugin }).default
}

/** Writes a file of the project. */
export function write(name: string, text: string): void {
  mkdirSync(dirname(join(project, name)), { recursive: true })
  writeFileSync(join(project, name), text)
}

/** The table as a CSV file, with quotes around every text; and the connection to it. */
export function makeCsv({ name, columns, rows }: WantedTable): Connection {
  const cell = (value: CellValue) => (value === null ? '' : `"${String(value).replaceAll('"', '""')}"`)
  const lines = [columns.map((column) => column.name), ...rows].map((row) => `${row.map(cell).join(',')}\r\n`)
  write(`data/${name}.csv`, lines.join(''))
  const types = columns.map(({ kind, nullable, ...column }) => [
    `${name}.${column.name}`,
    nullable ? kind : `${kind} not null`,
  ])
  return { path: join(project, 'data'), types: Object.fromEntries(types) }
}

/** The rows of a CSV text, without its header. */
export function csvRows(text: string): CellValue[][] {
  const rows: CellValue[][] = []
  let row: CellValue[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? plain || null : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return rows.slice(1)
}
