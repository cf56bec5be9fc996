/** Lookup tables that no database has: rows in the params, or a CSV file. */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { CsvError, parseCsv } from './csv.js'
import { RowshiftError } from '../../contract/errors.js'

export type GivenTable =
  /** Cells of the key, and the value; null is NULL. */
  | { readonly type: 'rows'; readonly rows: readonly GivenCells[] }
  /** `columns`: names in its header, those of the key and that of the value. */
  | { readonly type: 'file'; readonly path: string; readonly columns: readonly string[] }

export type GivenCells = readonly (string | null)[]

export interface GivenRow {
  /** For people: `line 3`, `row 3`. */
  readonly at: string
  readonly cells: GivenCells
}

export interface GivenContent {
  readonly rows: readonly GivenRow[]
  /** Tells whether a file has changed; empty for rows in the params. */
  readonly digest: string
}

const BOM = '\uFEFF'

/** Throws PARAMS_INVALID with what is wrong with the file. */
export function readGiven(table: GivenTable, mostBytes: number): GivenContent {
  if (table.type === 'rows') {
    const rows = table.rows.map((cells, i) => ({ at: `row ${i + 1}`, cells }))
    return { rows, digest: '' }
  }
  const { path, columns } = table
  const bytes = readBytes(path, mostBytes)
  if (!isUtf8(bytes)) throw invalid(`${path} is not text in UTF-8; convert it`)
  try {
    const rows = rowsOf(path, bytes.toString(), columns)
    return { rows, digest: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    if (error instanceof CsvError) throw invalid(`${path} is not CSV (RFC 4180): ${error.message}`, error)
    throw error
  }
}

function readBytes(path: string, most: number): Buffer {
  try {
    const file = statSync(path)
    // A pipe might never end.
    if (!file.isFile()) throw invalid(`${path} is not a file`)
    if (file.size > most) {
      throw invalid(
        `${path} has ${Math.ceil(file.size / 1e6)} MB, and all of it is kept in memory: raise "preload_mb", or load it into a table and look there`,
      )
    }
    return readFileSync(path)
  } catch (error) {
    if (error instanceof RowshiftError) throw error
    throw invalid(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, error)
  }
}

function rowsOf(path: string, text: string, columns: readonly string[]): GivenRow[] {
  const [header, ...records] = parseCsv(text.startsWith(BOM) ? text.slice(1) : text)
  if (header === undefined) throw invalid(`${path} is empty: its first line must name the columns`)
  const { fields: names } = header
  const indexes = columns.map((wanted) => {
    const found = names.flatMap((name, index) => (name === wanted ? index : []))
    if (found.length === 1) return found[0]!
    const what = found.length === 0 ? 'no column' : `${found.length} columns`
    throw invalid(`${path} has ${what} ${JSON.stringify(wanted)}; its first line names ${names.join(', ')}`)
  })
  return records.map(({ line, fields }) => {
    if (fields.length !== names.length)
      throw new CsvError(`line ${line}: ${fields.length} fields, and the first line names ${names.length}`)
    return { at: `line ${line}`, cells: indexes.map((index) => fields[index]!) }
  })
}

function invalid(message: string, cause?: unknown): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message, {}, cause)
}
