import { readFileSync, realpathSync } from 'node:fs'
import type { RowFileSchema } from '../../src/wire/row-file.js'
import { ROW_FILE_FORMAT, schemaFileOf } from '../../src/wire/row-file.js'
import type { Column, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { isColumn } from './columns.js'

/** The schema that the writer of the file left beside it. Throws TABLE_NOT_FOUND or CONFIG_INVALID. */
export function describeFile(file: string, table: string): TableSchema {
  const columns = storedColumns(file)
  return {
    table,
    identity: `file:${realpathSync(file)}`,
    // Nothing orders the lines of a file, and it may hold a row twice.
    columns: columns.filter(({ derivation }) => derivation === undefined),
    computed: columns.flatMap((column) => {
      return column.derivation === undefined ? [] : [{ ...column, sql: column.derivation }]
    }),
    keys: [],
    estimatedRows: null,
    estimatedRowBytes: null,
  }
}

/** In the order of the cells of each line. */
export function storedColumns(file: string): Column[] {
  const { columns } = readSchema(schemaFileOf(file))
  return columns.map(({ name, type, kind, nullable, valueRange, collation, derivation, cells = 'utf8' }) => ({
    name,
    type,
    kind,
    nullable,
    valueRange,
    ...(collation === undefined ? {} : { collation }),
    ...(derivation === undefined ? {} : { derivation }),
    cells,
    hasDefault: false,
    generated: false,
    ordered: false,
  }))
}

function readSchema(file: string): RowFileSchema {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new RowshiftError(
      'TABLE_NOT_FOUND',
      `${file}, which says what columns the rows have, cannot be read (${(error as NodeJS.ErrnoException).code}). ` +
        'A run writes it beside the rows; keep the two files together.',
      { file },
      error,
    )
  }
  try {
    const schema = JSON.parse(text) as unknown
    if (isSchema(schema)) return schema
  } catch (error) {
    throw odd(file, error)
  }
  throw odd(file)
}

function isSchema(value: unknown): value is RowFileSchema {
  if (typeof value !== 'object' || value === null) return false
  const { format, columns } = value as Partial<RowFileSchema>
  return (
    format === ROW_FILE_FORMAT &&
    Array.isArray(columns) &&
    columns.length > 0 &&
    columns.every(isColumn) &&
    new Set(columns.map(({ name }) => name.toLowerCase())).size === columns.length
  )
}

function odd(file: string, cause?: unknown): RowshiftError {
  return new RowshiftError(
    'CONFIG_INVALID',
    `${file} does not describe rows: it must be JSON with "format": "${ROW_FILE_FORMAT}" and "columns", as a run writes it.`,
    { file },
    cause,
  )
}
