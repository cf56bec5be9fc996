import type { SourceDdl } from '../../src/contract/plugin.js'
import { find, rewrite } from '../../src/sql/tokens.js'
import { columnsBeyond, manyDigits } from '../../src/sql/row-search.js'
import type { Session } from './connection.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { literalDefault, parseTable, printTable } from './ddl.js'
import { mapError } from './errors.js'
import { serverFacts } from './server.js'
import { identifier, text } from './sql.js'

export const FAMILY = 'mysql'

/** What SHOW CREATE TABLE says, with every collation spelled out: servers differ in what a character set alone means. */
export async function readSourceDdl(session: Session, table: string): Promise<SourceDdl> {
  const ask = (sql: string) =>
    session.query(sql).catch((error: unknown) => {
      throw mapError(error, `reading how table ${table} of ${session.where} was created`, { table })
    })
  const { release: version } = await serverFacts(session)
  const [shown] = await ask(`SHOW CREATE TABLE ${identifier(table)}`)
  const family = { family: FAMILY, version }
  const sql = shown?.[1] ?? ''
  // A view or a sequence.
  if (!sql.startsWith('CREATE TABLE')) return { ...family, statements: null, defaults: {}, extras: [] }
  const own = `WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`
  // No column is called '': that is the table's.
  const rows = await ask(
    `SELECT '', TABLE_COLLATION FROM information_schema.TABLES ${own}
     UNION ALL SELECT COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS ${own}`,
  )
  const collations = new Map(rows as [string, string][])
  const ddl = withCollations(parseTable(sql), collations.get('')!, collations)
  return {
    ...family,
    statements: [printTable(table, ddl)],
    defaults: Object.fromEntries(
      columns(ddl).flatMap((item) => {
        const value = literalDefault(item)
        return value === null ? [] : [[item.name!, value]]
      }),
    ),
    numbered: columns(ddl).flatMap(({ name, tokens }) => (find(tokens, /^AUTO_INCREMENT$/i) ? [name!] : [])),
    ...nextOf(ddl),
    extras: [
      ...ddl.items.flatMap(extrasOf),
      ...(find(ddl.options, /^PARTITION$/i) ? ['its partitions'] : []),
    ],
    foreignKeys: ddl.items.flatMap(({ kind, name }) => (kind === 'foreign' ? [`foreign key ${name}`] : [])),
  }
}

/** None when the table is too large to look at in time: a value that does not fit is refused when it is written. */
export async function wideColumns(session: Session, table: string): Promise<readonly string[]> {
  const own = `WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`
  const facts = await session.query(
    `SELECT COLUMN_NAME, COLUMN_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE FROM information_schema.COLUMNS ${own}
       AND DATA_TYPE IN ('bigint', 'decimal')`,
  )
  const looked = facts.flatMap(([name, type, precision, scale]) => {
    const condition = beyond(identifier(name!), type!, Number(precision), Number(scale ?? 0))
    return condition === null ? [] : [{ name: name!, condition }]
  })
  return (await columnsBeyond(session, table, looked)) ?? []
}

/** Whether a number is beyond 64 bits with a sign, or may have more than 15 digits; null where none can be. */
function beyond(column: string, type: string, precision: number, scale: number): string | null {
  const unsigned = /unsigned/i.test(type)
  if (/^bigint/i.test(type)) return unsigned ? `${column} > 9223372036854775807` : null
  return manyDigits(column, precision, scale)
}

function withCollations(
  ddl: TableDdl,
  tableCollation: string,
  collations: ReadonlyMap<string, string | null>,
): TableDdl {
  const explicit = (item: DdlItem): DdlItem => {
    const collation = collations.get(item.name ?? '')
    if (item.kind !== 'column' || !collation) return item
    const at = item.tokens.findIndex((token) => /^CHARACTER$/i.test(token))
    if (at < 0) return collation === tableCollation ? inherited(item) : item
    if (find(item.tokens, /^COLLATE$/i)) return item
    // CHARACTER SET name, with white space between.
    return { ...item, tokens: item.tokens.toSpliced(at + 5, 0, ' ', 'COLLATE', ' ', collation) }
  }
  const charset = ddl.options.findIndex((token) => /^CHARSET$/i.test(token))
  const stated = charset < 0 || find(ddl.options, /^COLLATE$/i) !== null
  return {
    items: ddl.items.map(explicit),
    options: stated
      ? ddl.options
      : ddl.options.toSpliced(charset + 3, 0, ' ', 'COLLATE', '=', tableCollation),
  }
}

/** MySQL shows the table's collation at columns that do not state one, and states it from then on if it is read back. */
function inherited(item: DdlItem): DdlItem {
  return { ...item, tokens: rewrite(item.tokens, [/^COLLATE$/i, /^\w+$/], () => null) }
}

/** Shown where a number was given out. */
function nextOf(ddl: TableDdl): Pick<SourceDdl, 'next'> {
  const next = find(ddl.options, /^AUTO_INCREMENT$/i, /^=$/, /^\d+$/)?.[2]
  const numbered = columns(ddl).find(({ tokens }) => find(tokens, /^AUTO_INCREMENT$/i))
  return next === undefined || !numbered ? {} : { next: { [numbered.name!]: next } }
}

function columns({ items }: TableDdl): DdlItem[] {
  return items.filter(({ kind }) => kind === 'column')
}

/** What another family of databases does not get. */
function extrasOf(item: DdlItem): string[] {
  const { kind, name, tokens } = item
  if (kind === 'index') return [`index ${name}`]
  if (kind === 'foreign') return []
  if (kind === 'check') return [name === null ? 'a CHECK' : `CHECK ${name}`]
  if (kind !== 'column')
    return kind === 'unique' && tokens.join('').includes('((') ? [`unique index ${name}`] : []
  const extras: string[] = []
  if (find(tokens, /^CHECK$/i)) extras.push(`CHECK of ${name}`)
  if (find(tokens, /^ON$/i, /^UPDATE$/i)) extras.push(`ON UPDATE of ${name}`)
  if (find(tokens, /^DEFAULT$/i, /^(?!NULL$)/i) && literalDefault(item) === null)
    extras.push(`default of ${name}`)
  return extras
}
