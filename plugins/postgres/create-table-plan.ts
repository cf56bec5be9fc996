import type { Column, CreateTableRequest, CreateTablePlan, TableSchema } from '../../src/contract/plugin.js'
import { parseTableName, RowshiftError, showTableName } from '../../src/contract/plugin.js'
import { creationError, unfitName } from '../../src/sql/created-table.js'
import { isPlainDefault, mappedTable } from '../../src/sql/mapped-table.js'
import type { SqlSession } from '../../src/sql/session.js'
import type { Part } from './source-ddl.js'
import { FAMILY } from './source-ddl.js'
import { mappedType } from './mapped-types.js'
import { checkType } from './expressions.js'
import type { Plan, Statement } from './own-table.js'
import { ownTable } from './own-table.js'
import { describeFacts, describeTable } from './schema.js'
import { identifier, isLong, tableId, tableSql, text } from './sql.js'

/**
 * How a target table would be made. The statements are run for a temporary table, in a transaction that is rolled back: so nothing is foretold
 * wrong, and what the server does not take is known before a table is dropped.
 */
export async function planCreateTable(
  session: SqlSession,
  request: CreateTableRequest,
  wide: readonly string[],
): Promise<CreateTablePlan> {
  const { source, sourceDdl, table, existing } = request
  await refuseCutNames(session, request)
  const schema = await checkLocation(session, request)
  const ddl = sourceDdl?.family === FAMILY ? sourceDdl.statements : null
  const parts = ddl?.map((part) => JSON.parse(part) as Part)
  const plan = parts ? await ownTable(session, request, parts) : tableOfOthers(request, wide)
  const { described, faults } = await tryOut(session, table, plan.statements)
  const remaining = plan.statements.filter((statement) => !faults.has(statement))
  return {
    target: {
      ...described,
      table,
      // However it is named.
      identity: `${session.where} ${showTableName({ schema, name: parseTableName(table).name })}`,
      estimatedRows: null,
      estimatedRowBytes: source.estimatedRowBytes,
    },
    statements: [
      ...(existing === null ? [] : [`DROP TABLE ${tableSql(existing.table)}`]),
      ...remaining.map(({ on }) => on(tableSql(table))),
    ],
    reasons: plan.reasons,
    warnings: [
      ...plan.warnings,
      ...[...faults].map(([{ optional }, fault]) => `${optional} is left out: ${fault}`),
    ],
  }
}

/** The server cuts names that are too long, without an error: two that differ in their ends only would be one. */
async function refuseCutNames(session: SqlSession, { table, source }: CreateTableRequest): Promise<void> {
  const { schema, name } = parseTableName(table)
  const names = [
    ...(schema === undefined ? [] : [schema]),
    name,
    ...source.columns.map((column) => column.name),
  ].filter(isLong)
  if (names.length === 0) return
  const [row] = await session.query(
    `SELECT name, octet_length(name), current_setting('max_identifier_length')
     FROM unnest(ARRAY[${names.map(text).join(', ')}]) AS name
     WHERE octet_length(name) > current_setting('max_identifier_length')::int LIMIT 1`,
  )
  if (row === undefined) return
  const [long, bytes, most] = row
  const column = long === name || long === schema ? null : long!
  throw unfitName(table, column, `the name has ${bytes} bytes, and PostgreSQL cuts it after ${most}`)
}

/** The schema that the table is made in. Throws where no table of that name can be made, or where one that is there is not dropped. */
async function checkLocation(session: SqlSession, { table, existing }: CreateTableRequest): Promise<string> {
  const { schema } = parseTableName(table)
  const schemaSql = schema === undefined ? 'current_schema()' : text(schema)
  const [row] = await session.query(
    `SELECT nspname, has_schema_privilege(oid, 'CREATE')::int, (${tableId(table)} IS NOT NULL)::int
     FROM pg_namespace WHERE nspname = ${schemaSql}`,
  )
  const [name, allowed, taken] = row ?? []
  if (name == null)
    throw cannotCreate(
      schema === undefined
        ? `There is no schema in the search path to make ${table} in; write schema.table.`
        : `There is no schema ${JSON.stringify(schema)} in ${session.where} to make ${table} in; create it first.`,
      table,
    )
  if (allowed !== '1')
    throw new RowshiftError(
      'ACCESS_DENIED',
      `The user of ${session.where} may not create tables in schema ${name}: GRANT CREATE ON SCHEMA ${identifier(name)}.`,
      { table },
    )
  if (existing === null && taken === '1')
    throw cannotCreate(
      `${table} is the name of something else than a table in the target; name another table.`,
      table,
    )
  const kind = existing && (await describeFacts(session, existing.table)).kind
  if (kind === null || kind === 'table' || kind === 'partitioned') return name
  throw cannotCreate(
    `The target ${table} is a ${kind}, which schema_save_mode "recreate" does not drop. Name another table, or drop it.`,
    table,
  )
}

function cannotCreate(message: string, table: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message, { table })
}

/** The table as it would be, and the statements that the server does not take. Nothing of it stays. */
async function tryOut(
  session: SqlSession,
  table: string,
  statements: readonly Statement[],
): Promise<{ described: TableSchema; faults: ReadonlyMap<Statement, string> }> {
  const faults = new Map<Statement, string>()
  const scratch = showTableName({ schema: 'pg_temp', name: parseTableName(table).name })
  const run = async (sql: string) => {
    await session.query(sql).catch((error: unknown) => {
      throw creationError(session.dialect.error(error, `trying to make table ${table}`, { table }), sql)
    })
  }
  await session.begin()
  try {
    for (const statement of statements) {
      const sql = statement.on(tableSql(scratch))
      if (statement.optional === undefined) {
        await run(sql)
        continue
      }
      await run('SAVEPOINT rowshift')
      try {
        await run(sql)
      } catch (thrown) {
        const { retryable, message } = RowshiftError.from(thrown)
        if (session.spent || retryable) throw thrown
        await run('ROLLBACK TO SAVEPOINT rowshift')
        faults.set(statement, message.split('\n', 1)[0]!)
      }
    }
    return { described: await describeTable(session, scratch), faults }
  } finally {
    if (!session.spent) await session.rollback()
  }
}

/** Of another family, or of a view. */
function tableOfOthers(request: CreateTableRequest, wide: readonly string[]): Plan {
  const { source, sourceDdl, ownTypes = [] } = request
  const own = (column: Column) => sourceDdl?.family === FAMILY || ownTypes.includes(column.name)
  const typeOf = (column: Column) =>
    own(column) ? checkType(column.type) : mappedType(column, wide.includes(column.name))
  const { lines, reasons } = mappedTable(request, {
    identifier,
    type: typeOf,
    defaultValue: (column, value) => {
      const zero = column.kind !== 'text' && /^0000-|-00/.test(value)
      return isPlainDefault(column, value) && !zero && !value.includes('\0') ? text(value) : null
    },
    numbering: (column, next) =>
      /^(smallint|integer|bigint)$/.test(typeOf(column))
        ? `GENERATED BY DEFAULT AS IDENTITY${next === undefined || next === '0' ? '' : ` (START WITH ${next})`}`
        : null,
  })
  const members = source.columns.filter(
    (column) => !own(column) && column.valueRange.members && !column.valueRange.multiValued,
  )
  const checks = members.map(({ name, valueRange }) => {
    const list = valueRange.members!.map(text).join(', ')
    return `CHECK (${identifier(name)} IN (${list === '' ? 'NULL' : list}))`
  })
  const body = [...lines, ...checks].join(',\n  ')
  const changed = source.columns
    .filter((column) => !own(column))
    .flatMap((column) => noteOf(column, typeOf(column)))
  return {
    statements: [{ on: (table) => `CREATE TABLE ${table} (\n  ${body}\n)` }],
    reasons: [
      'types by what the columns hold: the databases are of different families',
      ...changed,
      ...reasons,
    ],
    warnings: [],
  }
}

/** Where a type is not what its name makes one expect. */
function noteOf({ name, type, valueRange }: Column, described: string): string[] {
  const because = (why: string) => [`column ${name} (${type}) becomes ${described}: ${why}`]
  if (described === 'interval') return because('a time of day ends at 24:00')
  if (/^numeric\(\d+,0\)$/.test(described) && valueRange.max !== undefined)
    return because('it has numbers beyond bigint')
  return valueRange.members && !valueRange.multiValued
    ? because('a CHECK lists its members, and no type is left behind')
    : []
}
