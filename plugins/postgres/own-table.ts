import type { CreateTableRequest } from '../../src/contract/plugin.js'
import { parseTableName } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'
import type { Part } from './source-ddl.js'
import { literalDefault } from './source-ddl.js'
import { enumSql } from './enum-types.js'
import {
  callsOf,
  checkConstraint,
  checkExpression,
  checkIndex,
  checkType,
  harmlessCalls,
} from './expressions.js'
import { identifier, tableId, text } from './sql.js'

/** A statement that makes a table, or belongs to it. */
export interface Statement {
  /** `table` is what the table is called, quoted. */
  readonly on: (table: string) => string
  /** What is left out if the server does not take the statement, for people. Default: it must be taken. */
  readonly optional?: string
}

export interface Plan {
  readonly statements: readonly Statement[]
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

type ColumnPart = Extract<Part, { column: string }>

/** How a column is declared in the target. */
interface Declared {
  readonly type: string
  /** A type that must be made first. */
  readonly create?: string
  /** A CHECK in the place of the type. */
  readonly check?: string
  readonly warning?: string
}

/** The table as the source has it: a type that the target does not have becomes what its values are made of. */
export async function ownTable(
  session: SqlSession,
  { source, table, existing }: CreateTableRequest,
  parts: readonly Part[],
): Promise<Plan> {
  const harmless = await harmlessCalls(session, parts.flatMap(expressionsOf).flatMap(callsOf))
  const strange = (part: Part) =>
    expressionsOf(part)
      .flatMap(callsOf)
      .find((name) => !harmless.has(name))
  const columns = parts.filter((part) => 'column' in part)
  const there = await typesThere(session, columns)
  const taken = await takenNames(session, table, existing?.table ?? null)
  const declared = columns.map((own) => {
    const { nullable } = source.columns.find(({ name }) => name === own.column)!
    const declaration = declare(own, there)
    // A domain may refuse NULL, too.
    const part = declaration.type === own.type ? own : { ...own, notNull: !nullable }
    return { part, ...declaration }
  })
  const lines = declared.map(({ part, type }) => line(part, type, there, strange(part) === undefined))
  const calls = parts.flatMap((part) => {
    const name = strange(part)
    return name === undefined ? [] : [`${titleOf(part)} is left out: ${name}() may do more than compute`]
  })
  const collations = columns.flatMap(({ column, collation }) =>
    collation === null || there.has(collation)
      ? []
      : [`column ${column} loses its collation ${collation}: the target does not have it`],
  )
  // In one order: two sessions that make the same types do not wait for each other.
  const created = [...new Set(declared.flatMap(({ create }) => create ?? []))].sort()
  return {
    statements: [
      ...created.map((sql): Statement => ({ on: () => sql })),
      { on: (name) => `CREATE TABLE ${name} (\n  ${lines.join(',\n  ')}\n)` },
      ...declared.flatMap((column) => extrasOfColumn(column, strange(column.part) === undefined)),
      ...parts.flatMap((part) => (strange(part) === undefined ? statementsOf(part, taken) : [])),
    ],
    reasons: [
      "made from the source's own catalogs",
      ...created.map((sql) => `the target does not have a type of the source: ${sql}`),
    ],
    warnings: [...declared.flatMap(({ warning }) => warning ?? []), ...collations, ...calls],
  }
}

function declare({ column, type, own }: ColumnPart, there: ReadonlyMap<string, string | null>): Declared {
  if (own === null) return { type: checkType(type) }
  const labels = own.labels && JSON.stringify(own.labels)
  const found = there.get(type)
  if (found !== undefined && (labels === null || found === labels)) return { type: checkType(type) }
  const because = (fallback: string, why: string) => `column ${column} (${type}) becomes ${fallback}: ${why}`
  const missing =
    found === undefined ? 'the target does not have that type' : 'its type in the target has other labels'
  if (own.labels !== null) {
    const list = own.labels.map(text).join(', ')
    if (found === undefined && !type.includes('.'))
      return { type: checkType(type), create: enumSql(type, list) }
    const check = `CHECK (${identifier(column)} IN (${list}))`
    return { type: 'text', check, warning: because('text with a CHECK', missing) }
  }
  const fallback = own.base === null ? 'text' : checkType(own.base)
  return {
    type: fallback,
    warning: because(fallback, own.base === null ? missing : `${missing}, nor its CHECKs`),
  }
}

function line(
  { column, collation, identity, generated, notNull, sequence }: ColumnPart,
  type: string,
  there: ReadonlyMap<string, string | null>,
  computed: boolean,
): string {
  return [
    `${identifier(column)} ${type}`,
    ...(collation !== null && there.has(collation) ? [`COLLATE ${checkType(collation)}`] : []),
    ...(generated !== null && computed ? [`GENERATED ALWAYS AS (${checkExpression(generated)}) STORED`] : []),
    ...(identity === null || !notNull
      ? []
      : [`GENERATED ${identity === 'ALWAYS' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY${startOf(sequence)}`]),
    ...(notNull ? ['NOT NULL'] : []),
  ].join(' ')
}

/** Where the numbers of the source go on, if they rise: those of the rows may end earlier. */
function startOf(sequence: ColumnPart['sequence']): string {
  if (!sequence || !/^[1-9]\d*$/.test(sequence.next) || !/^[1-9]\d*$/.test(sequence.step)) return ''
  return ` (START WITH ${sequence.next} INCREMENT BY ${sequence.step})`
}

/** A CHECK in the place of a type, the default and the comment. */
function extrasOfColumn(
  { part, type, check }: Declared & { readonly part: ColumnPart },
  computed: boolean,
): Statement[] {
  const { column, identity, comment } = part
  const name = identifier(column)
  const value = part.default !== null && type !== part.type ? literalDefault(part.default) : part.default
  const expression = value !== null && type !== part.type ? text(value) : value
  return [
    ...(check === undefined ? [] : [{ on: (table: string) => `ALTER TABLE ${table} ADD ${check}` }]),
    ...(expression === null || identity !== null || !computed
      ? []
      : [
          {
            on: (table: string) =>
              `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT (${checkExpression(expression)})`,
            optional: titleOf(part),
          },
        ]),
    ...(comment === null
      ? []
      : [{ on: (table: string) => `COMMENT ON COLUMN ${table}.${name} IS ${text(comment)}` }]),
  ]
}

/** An index or a key keeps its name where that is free; else the server finds one. */
function statementsOf(part: Part, taken: ReadonlySet<string>): Statement[] {
  if ('column' in part) return []
  if ('constraint' in part) {
    const named = taken.has(part.constraint) ? '' : ` CONSTRAINT ${identifier(part.constraint)}`
    return [
      {
        on: (table) => `ALTER TABLE ${table} ADD${named} ${checkConstraint(part.sql)}`,
        optional: titleOf(part),
      },
    ]
  }
  if ('index' in part) {
    const name = taken.has(part.index) ? '' : ` ${identifier(part.index)}`
    return [
      {
        on: (table) =>
          `CREATE${part.unique ? ' UNIQUE' : ''} INDEX${name} ON ${table}${checkIndex(part.sql)}`,
        optional: titleOf(part),
      },
    ]
  }
  return [{ on: (table) => `COMMENT ON TABLE ${table} IS ${text(part.comment)}` }]
}

/** What the target would run when rows are written. */
function expressionsOf(part: Part): string[] {
  if ('column' in part)
    return [part.generated, part.identity === null ? part.default : null].filter((sql) => sql !== null)
  return 'comment' in part ? [] : [part.sql]
}

function titleOf(part: Part): string {
  if ('column' in part)
    return part.generated === null ? `the default of ${part.column}` : `the computation of ${part.column}`
  if ('constraint' in part) return `constraint ${part.constraint}`
  return 'index' in part ? `index ${part.index}` : 'the comment'
}

/** Types and collations of the columns that the target has, by name; of an enum with its labels. */
async function typesThere(
  session: SqlSession,
  columns: readonly ColumnPart[],
): Promise<ReadonlyMap<string, string | null>> {
  const list = (names: readonly (string | null)[]) =>
    `ARRAY[${names.flatMap((name) => (name === null ? [] : [text(name)])).join(', ')}]::text[]`
  const types = list(columns.map(({ type, own }) => (own === null ? null : type)))
  const collations = list(columns.map(({ collation }) => collation))
  const rows = await session.query(
    `SELECT name, (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = to_regtype(name))
     FROM unnest(${types}) AS name WHERE to_regtype(name) IS NOT NULL
     UNION ALL SELECT name, NULL FROM unnest(${collations}) AS name WHERE to_regcollation(name) IS NOT NULL`,
  )
  return new Map(
    rows.map(([name, labels]) => [name!, labels == null ? null : JSON.stringify(JSON.parse(labels))]),
  )
}

/** Of tables, indexes and all else in the schema, but for those that go with the table that is dropped. */
async function takenNames(
  session: SqlSession,
  table: string,
  dropped: string | null,
): Promise<ReadonlySet<string>> {
  const { schema } = parseTableName(table)
  const schemaSql = schema === undefined ? 'current_schema()' : text(schema)
  const own =
    dropped === null
      ? ''
      : ` AND NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = c.oid AND indrelid = ${tableId(dropped)})`
  const rows = await session.query(
    `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ${schemaSql}${own}`,
  )
  return new Set(rows.map(([name]) => name!))
}
