/**
 * Names of tables. A table is named by one text everywhere: as users write it, in plans, in messages, and in what a plugin is given and gives.
 * Only a plugin looks inside. Where tables have no schemas, the text is the name, dots included. Where they have, it is `name` or
 * `schema.name`, which the functions here read and write. Part of the plugin contract.
 */
import { RowshiftError } from './errors.js'

export interface TableName {
  /** Default: that of the connection. */
  readonly schema?: string
  readonly name: string
}

const PART = /^(?:"((?:[^"]|"")+)"|([^".]+))(?:\.|$)/

/** A part that holds a dot or a double quote stands in double quotes, in which a double quote is written twice. Throws TABLE_NOT_FOUND. */
export function parseTableName(text: string): TableName {
  const name = readTableName(text)
  if (name === null) throw malformed(text)
  return name
}

/** The same; null: it names no table, as the text that names several does. */
export function readTableName(text: string): TableName | null {
  const parts: string[] = []
  let rest = text
  while (rest !== '') {
    const [all, quoted, plain] = PART.exec(rest) ?? []
    // A dot at the end is followed by no name.
    if (all === undefined || (all === rest && all.endsWith('.'))) return null
    parts.push(quoted?.replaceAll('""', '"') ?? plain!)
    rest = rest.slice(all.length)
  }
  const [first, second, ...more] = parts
  if (first === undefined || more.length > 0) return null
  return second === undefined ? { name: first } : { schema: first, name: second }
}

/** The text that `parseTableName` makes this name of. */
export function showTableName({ schema, name }: TableName): string {
  return schema === undefined ? shown(name) : `${shown(schema)}.${shown(name)}`
}

function shown(part: string): string {
  return /[".]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part
}

function malformed(text: string): RowshiftError {
  return new RowshiftError(
    'TABLE_NOT_FOUND',
    `${JSON.stringify(text)} is not the name of a table: write name or schema.name, and a part that holds a dot or a double quote in double quotes.`,
    { table: text },
  )
}

/** For messages of databases without schemas, after one that a table is missing: what whoever writes `database.table` should write. */
export function dotHint(table: string): string {
  return table.includes('.')
    ? ' A dot is part of a name here: write the name of the table alone, and its database into the connection.'
    : ''
}
