import { askAboutTexts } from './asked.js'
import type {
  Column,
  CreateTableRequest,
  Key,
  TableCreation,
  CreateTablePlan,
  TableSchema,
} from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { find } from '../../src/sql/tokens.js'
import type { Session } from './connection.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { parseTable, printTable } from './ddl.js'
import { FAMILY } from './source-ddl.js'
import { mapError } from './errors.js'
import { derivedName, refuseUnfitNames } from './names.js'
import { checkTableDdl } from './grammar.js'
import { tableOfOthers } from './mapped-table.js'
import { plannedColumn } from './planned-column.js'
import type { TableFacts } from './engines.js'
import type { Dialect } from './server.js'
import { askDialect, versionOf } from './server.js'
import { identifier, text } from './sql.js'
import { Notes } from './translation.js'
import { translate } from './translate.js'

/** How a target table would be made. Changes nothing. */
export async function planCreateTable(
  session: Session,
  request: CreateTableRequest,
  wide: readonly string[],
): Promise<CreateTablePlan> {
  const { source, sourceDdl, table, existing } = request
  refuseUnfitNames(request)
  const notes = new Notes()
  const dialect = await askDialect(session)
  await refuseView(session, request)
  const ddl = sourceDdl?.family === FAMILY ? sourceDdl.statements?.[0] : undefined
  const own =
    ddl === undefined
      ? null
      : translate(
          parseTable(ddl),
          { ...versionOf(sourceDdl!.version), keysComeLater: request.foreignKeys !== undefined },
          dialect,
          notes,
        )
  const whole = await withCheckNames(
    session,
    request,
    own ?? tableOfOthers(request, dialect, wide, notes),
    dialect,
  )
  checkTableDdl(table, whole)
  return {
    target: {
      table,
      identity: `${session.where} ${table}`,
      columns: await askAboutTexts(session, columnsOf(whole, dialect)),
      keys: keysOf(source, whole, own !== null),
      estimatedRows: null,
      estimatedRowBytes: source.estimatedRowBytes,
    },
    statements: [
      ...(existing === null ? [] : [`DROP TABLE ${identifier(existing.table)}`]),
      printTable(table, whole),
    ],
    reasons: own ? ["made from the source's own DDL", ...notes.reasons] : notes.reasons,
    warnings: notes.warnings,
  }
}

/** What `describeFacts` will say of a table that is not there yet. */
export function plannedFacts({ statements }: TableCreation): TableFacts {
  const { items, options } = parseTable(statements.at(-1)!)
  return {
    engine: find(options, /^ENGINE$/i, /^=$/, /./)?.[2] ?? 'InnoDB',
    kind: 'table',
    autoIncrement: items.some(({ tokens }) => find(tokens, /^AUTO_INCREMENT$/i) !== null),
    uniqueKeys: items.filter(({ kind }) => kind === 'primary' || kind === 'unique').length,
    triggers: false,
  }
}

/** No view can be dropped as a table. */
async function refuseView(session: Session, { existing }: CreateTableRequest): Promise<void> {
  if (existing === null) return
  const sql = `SELECT TABLE_TYPE FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(existing.table)}`
  const [type] = (await session.query(sql))[0] ?? []
  if (type !== 'VIEW') return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `The target ${existing.table} is a view, which schema_save_mode "recreate" does not drop. Name another table, or drop the view.`,
    { table: existing.table },
  )
}

/**
 * MySQL keeps the names of CHECKs once per database: those that it makes of the table's name follow the new name, and
 * those that are taken are replaced by names of that form.
 */
async function withCheckNames(
  session: Session,
  { source, table, existing }: CreateTableRequest,
  ddl: TableDdl,
  dialect: Dialect,
): Promise<TableDdl> {
  const named = ddl.items.filter(({ kind, name }) => kind === 'check' && name !== null)
  if (dialect.mariadb || named.length === 0) return ddl
  const sql = `SELECT LOWER(CONSTRAINT_NAME) FROM information_schema.TABLE_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE IN ('CHECK', 'FOREIGN KEY')
      AND TABLE_NAME <> ${text(existing?.table ?? '')}`
  const rows = await session.query(sql).catch((error: unknown) => {
    throw mapError(error, `looking for names of CHECKs in ${session.where}`)
  })
  const taken = new Set(rows.map(([name]) => name))
  const generated = (number: number) => derivedName(table, `_chk_${number}`)
  const take = (name: string) => {
    if (taken.has(name.toLowerCase())) return false
    taken.add(name.toLowerCase())
    return true
  }
  // The server names the CHECKs of columns itself, counting from 1.
  const unnamed = ddl.items.filter(({ kind, tokens }) => kind === 'column' && find(tokens, /^CHECK$/i)).length
  for (let number = 1; number <= unnamed; number++) take(generated(number))
  const names = new Map<DdlItem, string>()
  for (const item of named) {
    const own = item.name!.startsWith(`${source.table}_chk_`)
    let name = own ? derivedName(table, item.name!.slice(source.table.length)) : item.name!
    for (let number = 1; !take(name); number++) name = generated(number)
    names.set(item, name)
  }
  return { ...ddl, items: ddl.items.map((item) => renamed(item, names.get(item))) }
}

function renamed(item: DdlItem, name: string | undefined): DdlItem {
  if (name === undefined) return item
  const at = item.tokens.findIndex((token) => token.startsWith('`'))
  return { ...item, name, tokens: item.tokens.with(at, identifier(name)) }
}

/** A translated item has tokens of several words, so the table is read anew. */
function columnsOf(ddl: TableDdl, { release }: Dialect): Column[] {
  const { items, options } = parseTable(printTable('', ddl))
  const collation = find(options, /^COLLATE$/i, /^=$/, /./)?.[2] ?? ''
  return items.filter(({ kind }) => kind === 'column').map((item) => plannedColumn(item, collation, release))
}

/** The keys, and their columns, that were not left out. Of another family none was, but no primary key holds NULL here. */
function keysOf({ keys }: TableSchema, { items }: TableDdl, own: boolean): Key[] {
  if (!own) return keys.map((key) => ({ ...key, primary: key.primary && !key.nullable }))
  const columns = new Set(items.flatMap(({ kind, name }) => (kind === 'column' ? [name] : [])))
  const remaining = new Set(items.flatMap(({ kind, name }) => (kind === 'column' ? [] : [name])))
  return keys
    .filter(({ name }) => remaining.has(name))
    .map((key) => ({ ...key, columns: key.columns.filter((name) => columns.has(name)) }))
}
