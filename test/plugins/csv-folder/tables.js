// What the folder holds: the file of a table, its columns by its header, its text.
import { createReadStream } from 'node:fs'
import { readdir, realpath } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { misfit, parseTableName, RowshiftError, showTableName } from 'rowshift/plugin'
import { records } from './csv.js'

/** @import { TableSchema } from 'rowshift/plugin' */

/** A schema is a folder within. */
export function fileOf({ path }, table) {
  const { schema = '.', name } = parseTableName(table)
  const isFileName = (part) => part !== '..' && !/[/\\\0]/.test(part)
  if (isFileName(schema) && isFileName(name)) return join(resolve(path), schema, `${name}.csv`)
  throw new RowshiftError('TABLE_NOT_FOUND', `${JSON.stringify(table)} cannot be the name of a file.`, {
    table,
  })
}

export async function tablesOf({ path }) {
  const files = await readdir(path, { recursive: true })
  return files.flatMap((file) => {
    const [name, schema, ...more] = file.split(sep).reverse()
    if (!name.endsWith('.csv') || more.length > 0) return []
    return showTableName({ ...(schema && { schema }), name: name.slice(0, -'.csv'.length) })
  })
}

/** Texts of a file, or of one that is open. Bytes that are not UTF-8 must not become other characters. */
export async function* textOf(file, handle = null) {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let first = true
  try {
    const chunks = handle?.createReadStream({ start: 0, autoClose: false }) ?? createReadStream(file)
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true })
      yield first && text.startsWith('\ufeff') ? text.slice(1) : text
      first = false
    }
    yield decoder.decode()
  } catch (error) {
    if (error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new RowshiftError('DATA_REJECTED', `${file} is not UTF-8.`, { file }, error)
    throw error
  }
}

/** @returns {Promise<TableSchema>} */
export async function describe(connection, table) {
  const file = fileOf(connection, table)
  let header = null
  try {
    for await (const cells of records(textOf(file), file)) {
      header = cells
      break
    }
  } catch (error) {
    if (error instanceof RowshiftError) throw error
    const message = `The table ${table} is not there: ${file} cannot be read (${error.code}).`
    throw new RowshiftError('TABLE_NOT_FOUND', message, { table, file }, error)
  }
  if (header === null || header.includes(null))
    throw new RowshiftError('TABLE_NOT_FOUND', `${file} does not begin with the names of its columns.`, {
      table,
    })
  return schemaOf(connection, table, await realpath(file), header)
}

/**
 * A table with these columns, of texts unless the connection says otherwise.
 * @returns {TableSchema}
 */
export function schemaOf({ types = {} }, table, file, names) {
  const columns = names.map((name) => {
    const type = types[`${table}.${name}`] ?? 'text'
    const kind = type.replace(' not null', '')
    return {
      name,
      type: kind,
      kind,
      nullable: kind === type,
      hasDefault: false,
      generated: false,
      ordered: false,
      // Nobody checks what stands in a file, so each value is checked as it is copied.
      valueRange: { dynamic: true },
    }
  })
  return {
    table,
    identity: `csv-folder:${file}`,
    columns,
    keys: [],
    estimatedRows: null,
    estimatedRowBytes: null,
  }
}

/** What is wrong with a row, or null: a cell is not of its column's kind, or is empty where it must not be. */
export function faultOf(columns, cells) {
  const empty = columns.find(({ nullable }, i) => !nullable && cells[i] === null)
  if (empty !== undefined) return { column: empty.name, fault: `${empty.name} (${empty.type}) is empty` }
  return misfit(columns, cells)
}
