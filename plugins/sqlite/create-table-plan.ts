import type { CreateTableRequest, CreateTablePlan, TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { mappedTable } from '../../src/sql/mapped-table.js'
import { foreignKeySql, indexFor, nameOfIndex, tableFor } from './ddl.js'
import { FAMILY } from './source-ddl.js'
import type { Database } from './driver.js'
import { sqliteError } from './errors.js'
import { quoteName } from './names.js'
import { describeTable } from './schema.js'
import { mappedType } from './types.js'

/** Where the table is to be made. */
export interface PlanningDatabases {
  readonly file: string
  readonly database: Database
  /** An empty database in memory, to try the statements in. */
  readonly scratch: Database
}

interface Statements {
  readonly table: string
  readonly indexes: readonly string[]
  readonly unique: readonly string[]
  readonly reasons: readonly string[]
}

/** How a target table would be made. The statements run in a database in memory, so that nothing is foretold wrong. */
export function planCreateTable(
  request: CreateTableRequest,
  wide: readonly string[],
  { file, database, scratch }: PlanningDatabases,
): CreateTablePlan {
  const { source, sourceDdl, table, existing } = request
  refuseTaken(request, database)
  const ddl = sourceDdl?.family === FAMILY ? sourceDdl.statements : null
  const { unique, indexes, ...made } = ddl ? ownTable(ddl, request, database) : tableOfOthers(request, wide)
  const statements = [made.table, ...unique, ...indexes]
  try {
    for (const sql of statements) scratch.exec(sql)
  } catch (thrown) {
    const message = `making table "${table}" in memory by ${statements.join(';\n')}`
    throw sqliteError(thrown, message, { table })
  }
  return {
    target: { ...describeTable(scratch, file, table), estimatedRowBytes: source.estimatedRowBytes },
    statements: [...(existing === null ? [] : [`DROP TABLE ${quoteName(existing.table)}`]), ...statements],
    reasons: made.reasons,
    warnings: [],
  }
}

/** Names are shared by tables, views and indexes. */
function refuseTaken({ table }: CreateTableRequest, database: Database): void {
  const sql = 'SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE'
  const taken = database.value(sql, table) as string | undefined
  if (taken === undefined || taken === 'table') return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `"${table}" is the name of a${taken === 'index' ? 'n' : ''} ${taken} in the target; name another table, or drop it.`,
    { table },
  )
}

function ownTable(
  ddl: readonly string[],
  { table, existing, foreignKeys: wanted }: CreateTableRequest,
  database: Database,
): Statements {
  const [own, ...rest] = ddl
  const { sql, foreignKeys } = tableFor(own!, table, wanted)
  const taken = takenNames(database, existing)
  const indexes = rest.map((index) => {
    const name = nameOfIndex(index)
    let free = name
    for (let number = 1; taken.has(free.toLowerCase()); number++) free = `${table}_${name}_${number}`
    taken.add(free.toLowerCase())
    return indexFor(index, free, table)
  })
  const isUnique = (index: string) => /^CREATE\s+UNIQUE\b/i.test(index)
  const reasons = ["made from the source's own statements"]
  if (foreignKeys > 0 && wanted === undefined)
    reasons.push('foreign keys are left out, since they name other tables')
  return {
    table: sql,
    unique: indexes.filter(isUnique),
    indexes: indexes.filter((index) => !isUnique(index)),
    reasons,
  }
}

/** Of tables, views and indexes, but for those that go with the table that is dropped. */
function takenNames(database: Database, dropped: TableSchema | null): Set<string> {
  const sql = 'SELECT lower(name) FROM sqlite_schema WHERE tbl_name <> ? COLLATE NOCASE'
  const names = database.values(sql, dropped?.table ?? '') ?? []
  return new Set(names as string[])
}

function tableOfOthers(request: CreateTableRequest, wide: readonly string[]): Statements {
  const { source, table, ownTypes = [], foreignKeys = [] } = request
  const types = new Map(
    source.columns.map((column) => [
      column.name,
      ownTypes.includes(column.name) ? column.type : mappedType(column, wide.includes(column.name)),
    ]),
  )
  const asText = source.columns.filter(
    ({ name, kind }) => types.get(name) === 'TEXT' && (kind === 'integer' || kind === 'decimal'),
  )
  const { lines, reasons } = mappedTable(request, {
    identifier: quoteName,
    type: ({ name }) => types.get(name)!,
    // A column of bytes would keep the text of its default as text.
    defaultValue: ({ kind }, value) => (kind === 'bytes' ? null : `'${value.replaceAll("'", "''")}'`),
    // It numbers every INTEGER that is the primary key.
    numbering: ({ name }) => {
      const primary = source.keys.find((key) => key.primary)?.columns
      return types.get(name) === 'INTEGER' && primary?.length === 1 && primary[0] === name ? '' : null
    },
  })
  return {
    table: `CREATE TABLE ${quoteName(table)} (\n  ${[...lines, ...foreignKeys.map(foreignKeySql)].join(',\n  ')}\n)`,
    unique: [],
    indexes: [],
    reasons: [
      'types that keep every value as it is, each checked when it is written: the databases are of different families',
      ...asText.map(
        ({ name, type }) =>
          `column ${name} (${type}) becomes TEXT: SQLite's numbers do not hold all of its values`,
      ),
      ...reasons,
    ],
  }
}
