import { RowshiftError } from '../../contract/errors.js'
import type {
  Column,
  ColumnMapping,
  TableCreation,
  TableSchema,
  WriteSpec,
  Writer,
} from '../../contract/plugin.js'
import type { IdMapPlan } from '../../contract/computed-columns.js'
import type { IdMake } from '../../task/make.js'
import { judge } from '../../plan/fidelity.js'
import { plannedWrite } from '../../plan/limits.js'
import { cannotBeEqual, columnOf, findPlan, unknownColumn } from '../lookup/plan.js'

interface IdMapRequest {
  readonly at: string
  readonly map: NonNullable<IdMake['map']>
  /** The column whose values are the keys, and its index among what is read. */
  readonly key: Column
  readonly index: number
  /** What new ids are like. */
  readonly id: Column
  /** The column that ids are for. */
  readonly to: Column
  readonly workerNum: number
}

/** How ids are kept and found again. The table is made by the run where there is none. Null after a fault. */
export async function planIdMap(
  request: IdMapRequest,
  writer: Writer,
  faults: string[],
): Promise<{ plan: IdMapPlan; id: Column; reason: string } | null> {
  const { at, map, key, index, id } = request
  const { table, create } = await findTable(request, writer)
  // A row whose key is NULL gets no id, but is refused.
  const known = { ...key, nullable: false }
  const columns = [
    { source: known, name: map.key },
    { source: { ...id, name: map.value }, name: map.value },
  ].map(({ source, name }) => ({ source, target: columnOf(table, name), name }))
  const before = faults.length
  for (const { source, target, name } of columns) {
    if (!target) faults.push(`${at}: id map ${unknownColumn(name, table)}`)
    else if (
      judge(source, target).conversion === 'lossy' ||
      judge(source, target).conversion === 'impossible'
    )
      faults.push(
        `${at}: id map ${table.table}.${target.name} (${target.type}) does not hold every ${source.name} (${source.type}): ${judge(source, target).why}`,
      )
  }
  const [oldId, newId] = columns.map(({ target }) => target)
  if (oldId) faults.push(...keyFaults(at, table, oldId, key))
  faults.push(
    ...requiredFaults(
      at,
      table,
      columns.map(({ target }) => target),
    ),
  )
  if (faults.length > before) return null
  const spec = specOf(request, table, create, [
    { source: known, target: oldId!, check: judge(known, oldId!) },
    { source: { ...id, name: map.value }, target: newId!, check: judge(id, newId!) },
  ])
  const write = plannedWrite(spec, await writer.plan(spec, null))
  return {
    plan: { at: index, write, read: findPlan(table, [oldId!, newId!]) },
    // Others may have filled the table.
    id: { ...newId!, nullable: false, valueRange: { ...newId!.valueRange, dynamic: true } },
    reason: `ids are kept in table ${table.table} of the target (${oldId!.name} -> ${newId!.name})${create ? ', which is made' : ''}`,
  }
}

/** Longer texts and byte strings have no unique key everywhere. */
const LONGEST_KEY = 255

/**
 * By key and id: keys in a type that keeps them and compares them by their bytes, ids in the type of the column that they are
 * for, so that a later lookup of them fits wherever the ids themselves do. No id stands for two keys.
 */
async function findTable(
  { map, key, id, to }: IdMapRequest,
  writer: Writer,
): Promise<{ table: TableSchema; create: TableCreation | null }> {
  try {
    return { table: await writer.describe(map.table), create: null }
  } catch (thrown) {
    if (
      !(thrown instanceof RowshiftError) ||
      thrown.code !== 'TABLE_NOT_FOUND' ||
      !writer.skills.planCreateTable
    )
      throw thrown
  }
  const length = to.valueRange.maxChars ?? to.valueRange.maxBytes ?? Infinity
  const asTarget = to.kind === 'integer' || length <= LONGEST_KEY
  const { target, statements } = await writer.skills.planCreateTable({
    source: {
      table: map.table,
      identity: '',
      columns: [
        { ...key, name: map.key, nullable: false },
        { ...(asTarget ? to : id), name: map.value, nullable: false, generated: false },
      ],
      keys: [
        { name: 'PRIMARY', columns: [map.key], primary: true, nullable: false },
        { name: map.value, columns: [map.value], primary: false, nullable: false },
      ],
      estimatedRows: null,
      estimatedRowBytes: null,
    },
    sourceDdl: null,
    wideColumns: async () => [],
    ...(asTarget ? { ownTypes: [map.value] } : {}),
    table: map.table,
    existing: null,
  })
  return { table: target, create: { statements } }
}

function keyFaults(at: string, table: TableSchema, oldId: Column, key: Column): string[] {
  const unequal = cannotBeEqual(key, oldId)
  if (unequal) return [`${at}: ${key.name} cannot be found again in id map ${table.table}: ${unequal}`]
  const unique = table.keys.some(({ columns }) => columns.length === 1 && columns[0] === oldId.name)
  if (unique && !oldId.nullable) return []
  return [
    `${at}: id map ${table.table} needs ${oldId.name} NOT NULL and a unique key on it alone, so that a key gets one id`,
  ]
}

function requiredFaults(
  at: string,
  { table, columns }: TableSchema,
  fed: readonly (Column | undefined)[],
): string[] {
  const unfed = columns.filter(
    (column) => !column.nullable && !column.hasDefault && !column.generated && !fed.includes(column),
  )
  return unfed.map(
    ({ name }) => `${at}: id map ${table}.${name} is NOT NULL without a default, and nothing feeds it`,
  )
}

function specOf(
  { workerNum }: IdMapRequest,
  table: TableSchema,
  create: TableCreation | null,
  columns: readonly ColumnMapping[],
): WriteSpec {
  return {
    table,
    create,
    columns,
    from: table.table,
    key: null,
    writeMode: 'ignore',
    identity: [columns[0]!.target.name],
    deletes: false,
    errorLimit: { record: Number.MAX_SAFE_INTEGER, percentage: null },
    threads: workerNum,
    fewRows: true,
    writeBatch: null,
    preSql: [],
    postSql: [],
  }
}
