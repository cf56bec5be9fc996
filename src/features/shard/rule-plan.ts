import { RowshiftError } from '../../contract/errors.js'
import type { Column, ColumnMapping, WriteMode } from '../../contract/plugin.js'
import type { PipelinePlan } from '../../contract/pipeline.js'
import type { Sharding, ShardRule, SqlRule } from '../../contract/sharding.js'
import { columnNamed } from '../../plan/column-names.js'
import { orderOf } from './bounds.js'
import { escapeName, parsePattern } from './pattern.js'
import { columnsOf, rulesOf } from './rules.js'
import type { ShardParams } from './params.js'

/** What `shard` and the names of the target say must go together. Throws one PARAMS_INVALID; needs no connection. */
export function checkShardParams(
  shard: ShardParams | null,
  table: string,
  databases: readonly string[] | null,
): void {
  const faults = shard === null ? unsharded(table, databases) : sharded(shard, table, databases ?? [''])
  if (faults.length > 0) throw invalid(faults)
}

function unsharded(table: string, databases: readonly string[] | null): string[] {
  const { kind, text } = parsePattern(table)
  const shard = 'so the params need "shard", which says where a row goes'
  const own = `for one table of that name write ${escapeName(text)}`
  const faults: string[] = []
  if (kind === 'any' || isStarredList(text)) {
    faults.push(
      `the target is named ${text}, and a star is for sources only: name the one table to write, or several that are counted or listed ({0..15}, {a,b}) with "shard"; to copy tables one by one, leave table= out of both URLs and give --tables '${text}', or write patterns into both from_table and to_table of a task; ${own}`,
    )
  } else if (kind !== 'single') faults.push(`the target ${text} is several tables, ${shard}; ${own}`)
  if (databases !== null) faults.push(`the target is ${databases.length} databases, ${shard}`)
  return faults
}

/** `order_*,user` */
function isStarredList(text: string): boolean {
  return text.includes(',') && text.split(',').some((name) => parsePattern(name.trim()).kind === 'any')
}

function sharded({ rule, numbering }: ShardParams, table: string, databases: readonly string[]): string[] {
  const pattern = parsePattern(table)
  const faults: string[] = []
  const at = (path: string, fault: string) => faults.push(`params.shard${path}: ${fault}`)
  const tables = pattern.labels.length
  if (pattern.kind === 'any') at('', `the target is named ${table}; a star is for sources only`)
  const byTable = rulesOf(rule).at(-1)!
  if ('date' in byTable !== (pattern.kind === 'date')) {
    at('', `"date" and a target like log_{yyyyMM} come together; the target is ${table}`)
  } else if ('date' in byTable && byTable.date !== pattern.labels[0]) {
    at('.date', `is "${byTable.date}", and the target is ${table}`)
  }
  if ('database' in rule) {
    if (databases.length === 1) at('.database', 'the target is in one database')
    checkBounds(rule.database, databases.length, '.database', at)
    checkBounds(rule.table, tables, '.table', at)
    if (tables === 1 && pattern.kind !== 'date')
      at('.table', `the target is one table in each database, ${table}`)
    return faults
  }
  if ('date' in rule && databases.length > 1) {
    at('', 'the target is in several databases: give a rule for "database" and one for "table"')
  }
  const count = numbering === 'through' ? tables : tables * databases.length
  if (count === 1 && pattern.kind === 'labels') at('', `${table} is one table only`)
  if (count === 1 && pattern.kind === 'single') {
    at('', `the target ${table} is one table; several are named like account_{0..15}`)
  }
  if (numbering === 'through' && tables % databases.length !== 0) {
    at('.numbering', `${tables} tables cannot be shared out evenly among ${databases.length} databases`)
  }
  checkBounds(rule, count, '', at)
  return faults
}

function checkBounds(
  rule: ShardRule,
  count: number,
  path: string,
  at: (path: string, fault: string) => void,
): void {
  if (!('range' in rule)) return
  const { length } = rule.range
  if (length === count || length === count - 1) return
  at(
    `${path}.range`,
    `${count} shards need ${count - 1} bounds, or ${count} where the last one has an end, not ${length}`,
  )
}

/** The rules with the target's own spelling of its columns, checked against what these hold. Throws PARAMS_INVALID. */
export function settleRules(sharding: Sharding, columns: readonly Pick<ColumnMapping, 'target'>[]): Sharding {
  const faults: string[] = []
  const reads = sharding.reads.values()
  const settle = (rule: ShardRule, path: string): ShardRule => {
    if ('sql' in rule) {
      const { kind, type } = reads.next().value!
      if (!NUMBERS.has(kind)) faults.push(`${path}.sql: gives ${type}, which is not a number`)
      return rule
    }
    const found = rule.by.map((name) => {
      const column = columnNamed(
        columns.map(({ target }) => target),
        name,
      )
      if (!column)
        faults.push(`${path}.by: no column ${JSON.stringify(name)} is written to ${sharding.table}`)
      else faults.push(...unfit(rule, column, path))
      return column?.name ?? name
    })
    return { ...rule, by: found }
  }
  const { rule } = sharding
  const settled =
    'database' in rule
      ? {
          database: settle(rule.database, 'params.shard.database'),
          table: settle(rule.table, 'params.shard.table'),
        }
      : settle(rule, 'params.shard')
  if (faults.length > 0) throw invalid(faults)
  return { ...sharding, rule: settled }
}

/** A hash is taken of the text of a value, so there must be one way only to write it. */
const HASHED = new Set(['integer', 'text', 'bytes', 'date'])
/** Text may hold a number; whether it does, each row shows. */
const NUMBERS = new Set(['integer', 'decimal', 'float', 'boolean', 'text'])
const DATED = new Set(['date', 'datetime', 'instant'])

function unfit(rule: Exclude<ShardRule, SqlRule>, { name, kind, type }: Column, path: string): string[] {
  const what = `${name} (${type})`
  if ('date' in rule) return DATED.has(kind) ? [] : [`${path}.by: ${what} is not a date`]
  if ('hash' in rule) {
    const number = kind === 'integer' || kind === 'text'
    if (rule.hash === 'modulo') return number ? [] : [`${path}.by: ${what} is not a whole number`]
    const fits = HASHED.has(kind) && !(rule.hash === 'java_hash' && kind === 'bytes')
    return fits ? [] : [`${path}.by: values of ${what} cannot be hashed by ${rule.hash}`]
  }
  const order = orderOf(kind)
  if (order === null) return [`${path}.by: values of ${what} have no order that ranges could follow`]
  const bounds = rule.range.map((bound) => order.parse(Buffer.from(bound)))
  const faults = bounds.flatMap((bound, i) =>
    bound === null
      ? [`${path}.range[${i}]: ${JSON.stringify(rule.range[i])} is not a value for ${what}`]
      : [],
  )
  if (faults.length > 0) return faults
  return bounds.flatMap((bound, i) =>
    i > 0 && !order.below(bounds[i - 1], bound) ? [`${path}.range[${i}]: bounds must rise`] : [],
  )
}

/** What shards do not do for the user. */
export function shardWarnings(
  { rule, reads, table, databases }: Sharding,
  identity: readonly string[] | null,
  writeMode: WriteMode,
  pipeline: PipelinePlan | null,
): string[] {
  const warnings: string[] = []
  const by = columnsOf(rule)
  const outside = identity === null ? [] : by.filter((name) => !identity.includes(name))
  if (outside.length > 0 && writeMode !== 'insert') {
    warnings.push(
      `shards of ${table} follow ${outside.join(', ')}, which is not in the key (${identity!.join(', ')}): when it changes in a row that was ` +
        'copied before, the row is written to its new shard and stays in the old one too; verify --repair finds that',
    )
  }
  if (reads.length > 0 && identity !== null && writeMode !== 'insert') {
    warnings.push(
      `shards of ${table} follow SQL: when a row that was copied before comes to another shard (the SQL looks at more than ${identity.join(', ')}), ` +
        'it stays in the old one too; verify --repair finds that',
    )
  }
  const numbered = pipeline?.cells.find((cell) => cell.type === 'id' && cell.ids.type === 'sequence')
  if (numbered && databases.length > 1) {
    warnings.push(
      `the sequence of ${numbered.name} is kept in database ${databases[0]}, and begins above what the tables there hold; it does not look into the others`,
    )
  }
  return warnings
}

function invalid(faults: readonly string[]): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${faults.join('\n  ')}`, {
    faults,
  })
}
