import type { HashRule, ShardRule } from '../../contract/sharding.js'

/** `shard` of the params: one rule, or one for databases and one for tables. */
export interface ShardParams {
  readonly rule: ShardRule | { readonly database: ShardRule; readonly table: ShardRule }
  readonly numbering: 'each' | 'through'
}

interface RawRule {
  readonly by?: string | readonly string[]
  readonly hash?: HashRule['hash']
  readonly sign?: HashRule['sign']
  readonly separator?: string
  readonly range?: readonly (string | number)[]
  readonly date?: string
  readonly sql?: string
}

/** What the schema lets through. */
export interface RawShard extends RawRule {
  readonly database?: RawRule
  readonly table?: RawRule
  readonly numbering?: 'each' | 'through'
}

/** Which signs a hash knows; the first one is its default. */
const SIGNS: Readonly<Record<HashRule['hash'], readonly [HashRule['sign'], ...HashRule['sign'][]]>> = {
  crc32: ['unsigned'],
  murmur3: ['unsigned', 'floor', 'mask', 'abs'],
  java_hash: ['floor', 'mask', 'abs', 'unsigned'],
  modulo: ['floor', 'abs'],
}

export function shardFaults(raw: RawShard): string[] {
  const { database, table, numbering, ...rule } = raw
  if (database === undefined && table === undefined) return ruleFaults(rule, 'params.shard')
  const faults: string[] = []
  if (Object.keys(rule).length > 0) {
    faults.push(`params.shard: give one rule, or "database" and "table", not both`)
  }
  if (database === undefined || table === undefined) {
    faults.push('params.shard: "database" and "table" come together, each with a rule')
  }
  if (numbering === 'through') {
    faults.push('params.shard: "numbering" is for one rule that counts through all databases')
  }
  if (database?.date !== undefined) faults.push('params.shard.database: databases are not chosen by "date"')
  if (database) faults.push(...ruleFaults(database, 'params.shard.database'))
  if (table) faults.push(...ruleFaults(table, 'params.shard.table'))
  return faults
}

export function followsSql({ sql, database, table }: RawShard): boolean {
  return [sql, database?.sql, table?.sql].some((each) => each !== undefined)
}

function ruleFaults(rule: RawRule, path: string): string[] {
  const faults: string[] = []
  const { sql, ...others } = rule
  if (sql !== undefined) {
    const more = Object.keys(others).map((name) => `"${name}"`)
    if (more.length > 0) faults.push(`${path}: "sql" is a rule by itself; leave out ${more.join(', ')}`)
    return faults
  }
  const kinds = (['hash', 'range', 'date'] as const).filter((kind) => rule[kind] !== undefined)
  const columns = list(rule.by)
  if (columns.length === 0) faults.push(`${path}: "by" is missing, the column that says where a row belongs`)
  if (kinds.length !== 1) {
    faults.push(
      `${path}: needs one of "hash", "range" and "date"${kinds.length === 0 ? '' : `, not ${kinds.join(' and ')}`}`,
    )
  }
  const { hash, sign, separator } = rule
  if (columns.length > 1 && (hash === undefined || hash === 'modulo')) {
    faults.push(`${path}: only "hash" takes several columns, and "modulo" does not`)
  }
  if (separator !== undefined && columns.length < 2) {
    faults.push(`${path}: "separator" stands between the columns of "by", and there is one only`)
  }
  if (rule.range?.some((bound) => typeof bound === 'number' && Math.abs(bound) > Number.MAX_SAFE_INTEGER)) {
    faults.push(`${path}.range: write numbers of more than 15 digits as text, "9007199254740993"`)
  }
  const signs: readonly string[] = hash === undefined ? [] : SIGNS[hash]
  if (sign !== undefined && !signs.includes(sign)) {
    const known = signs.length === 0 ? 'is for "hash"' : `of "${hash}" is ${signs.join(' or ')}`
    faults.push(`${path}: "sign" ${known}`)
  }
  return faults
}

export function shardParams(raw: RawShard): ShardParams {
  const { database, table, numbering = 'each', ...rule } = raw
  if (database === undefined || table === undefined) return { rule: toRule(rule), numbering }
  return { rule: { database: toRule(database), table: toRule(table) }, numbering }
}

function toRule({ by, hash, sign, separator = '', range, date, sql }: RawRule): ShardRule {
  if (sql !== undefined) return { sql }
  const columns = list(by)
  if (hash !== undefined) return { by: columns, hash, sign: sign ?? SIGNS[hash][0], separator }
  if (range !== undefined) return { by: columns, range: range.map(String) }
  return { by: columns, date: date! }
}

function list(by: RawRule['by'] = []): readonly string[] {
  return typeof by === 'string' ? [by] : by
}
