import type { ReadSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { keyExcerpts, namedKey, searchRows } from '../../src/sql/row-search.js'
import type { SqlRow, SqlSession } from '../../src/sql/session.js'
import { mapError } from './errors.js'
import { identifier, text } from './sql.js'

/** Those that the text of a JSON value shows. Others are read back as one of them: a date as a string, a DECIMAL as a double. */
const SHOWN = ['OBJECT', 'ARRAY', 'STRING', 'DOUBLE', 'BOOLEAN', 'NULL'].map(text).join(', ')
/** Integers above it are read as unsigned, all others as signed. */
const LARGEST_SIGNED = '4294967295'

/** Most characters of a document, and values in it, among which the one at fault is looked for. */
const MOST_CHARACTERS = 1_000_000
const MOST_PATHS = 1_000
/** A column may take a large table two seconds, and a table may have a thousand columns. */
const LOOK_MS = 5_000

/**
 * True when something inside a column of MySQL's JSON, at any depth, has a type that its text does not show. Servers without
 * JSON_TABLE compare the value with what they read of its text, which shows all but unsigned integers.
 */
export function holdsHiddenType(column: string): string {
  const name = identifier(column)
  // A value that is not an array is its own first element; the elements of arrays are values too.
  const inside = `EXISTS (SELECT 1 FROM JSON_TABLE(${name}, '$**[0]' COLUMNS (v JSON PATH '$')) AS rowshift_inside WHERE ${isHidden('rowshift_inside.v')})`
  const read = `CAST(CAST(${name} AS CHAR) AS JSON)`
  return (
    `(${isHidden(name)} OR /*!80004 ${inside} OR FALSE AND */ ` +
    `(${name} <> ${read} OR CAST(${name} AS CHAR) <> CAST(${read} AS CHAR)))`
  )
}

function isHidden(value: string): string {
  const read = `IF(${value} > ${LARGEST_SIGNED}, 'UNSIGNED INTEGER', 'INTEGER')`
  return `(JSON_TYPE(${value}) NOT IN (${SHOWN}) AND NOT (JSON_TYPE(${value}) LIKE '%INTEGER' AND JSON_TYPE(${value}) = ${read}))`
}

/**
 * Before a row moves: throws LOSSY for JSON with a value whose type the target would not see, and resolves to warnings. A row that
 * comes later fails when it is read.
 */
export async function checkJsonTypes(session: SqlSession, spec: ReadSpec): Promise<string[]> {
  const late: string[] = []
  const end = performance.now() + LOOK_MS
  for (const { name, kind, cells: encoding } of spec.columns) {
    if (kind !== 'json' || encoding !== 'reversible') continue
    const key = keyExcerpts(session, spec)
    const first = (cell: string) =>
      searchRows(session, spec, [cell, ...key], [holdsHiddenType(name)]).catch((error: unknown) => {
        throw mapError(error, `looking at the types inside JSON of table ${spec.table.table}`)
      })
    const beginning = `LEFT(CAST(${identifier(name)} AS CHAR), ${MOST_CHARACTERS + 1})`
    const rows = performance.now() < end ? await first(beginning) : null
    if (rows === null) {
      late.push(name)
      continue
    }
    const [row] = rows
    if (!row) continue
    const [document, ...cells] = row
    throw hidden(name, (await findValue(name, document!, first)) ?? { what: 'a value', cells }, spec)
  }
  if (late.length === 0) return []
  return [
    `whether JSON in ${late.join(', ')} holds types that its text does not show could not be checked in time; the run fails when one is met`,
  ]
}

interface HiddenType {
  readonly what: string
  /** Of the key. */
  readonly cells: SqlRow
}

/** Which value of the document it is; null when it is not found among the first ones. */
async function findValue(
  column: string,
  document: string,
  first: (cell: string) => Promise<readonly SqlRow[] | null>,
): Promise<HiddenType | null> {
  if (document.length > MOST_CHARACTERS) return null
  const values = pathsIn(JSON.parse(document))
    .slice(0, MOST_PATHS)
    .map((path) => ({ path, sql: `JSON_EXTRACT(${identifier(column)}, ${text(path)})` }))
  const cases = values.map(
    ({ path, sql }) => `WHEN ${isHidden(sql)} THEN CONCAT(JSON_TYPE(${sql}), ${text(` at ${path}`)})`,
  )
  const [row] = (await first(`CASE ${cases.join(' ')} END`)) ?? []
  const [what, ...cells] = row ?? []
  return what ? { what, cells } : null
}

function hidden(column: string, { what, cells }: HiddenType, spec: ReadSpec): RowshiftError {
  const named = namedKey(spec, cells)
  return new RowshiftError(
    'LOSSY',
    `The copy would lose data:\n  ${column}: JSON is copied as text, which does not show the type of ${what}${named === '' ? '' : `, in the row with ${named}`}\n` +
      `Accept the loss with "allow_lossy": ${JSON.stringify([column])}, or leave the row out with "where". Nothing was written.`,
    { columns: [column] },
  )
}

/** Of all values in a document, in the words of MySQL's JSON paths. */
function pathsIn(value: unknown, path = '$'): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inside = Array.isArray(value)
    ? value.map((item, i) => pathsIn(item, `${path}[${i}]`))
    : Object.entries(value).map(([key, item]) => pathsIn(item, `${path}.${JSON.stringify(key)}`))
  return inside.flat()
}
