/** A target that is several tables (分库分表): which, and by what rule rows go to them. Plugins get one table at a time, and do not see it. */
import type { TableCreation, SourceDdl } from './create-table.js'
import type { Column, TableSchema } from './table-schema.js'

/**
 * What says in which shard a row belongs: its written cells, or an expression of the source. Column names are those of the
 * target, in the plan as in the params.
 */
export type ShardRule = HashRule | RangeRule | DateRule | SqlRule

export interface HashRule {
  /** The texts of several columns are put together, with `separator` between them. */
  readonly by: readonly string[]
  readonly hash: 'crc32' | 'murmur3' | 'modulo' | 'java_hash'
  /** How a hash with a sign becomes a number from 0 on; see docs/sharding.md. */
  readonly sign: 'unsigned' | 'floor' | 'mask' | 'abs'
  readonly separator: string
}

/** Shard `n` has the values from bound `n - 1` on, up to but without bound `n`; the last shard may have no end. */
export interface RangeRule {
  readonly by: readonly string[]
  readonly range: readonly string[]
}

/** The label of the shard is the day, month or year of the value: `yyyyMM`. */
export interface DateRule {
  readonly by: readonly string[]
  readonly date: string
}

/** The source computes the number of the shard, from 0 on, in the order in which the shards are named. */
export interface SqlRule {
  /** An expression in the source's own SQL. */
  readonly sql: string
}

/** One table of many. Rows of it are written by the plan with this table in place of the whole. */
export interface Shard {
  /** For people and reports: `account_3`, or `shard_0.account_3` where there are several databases. */
  readonly name: string
  /** Which of the databases. */
  readonly endpoint: number
  readonly table: string
  readonly identity: TableSchema['identity']
  /** null: the table is there and stays. */
  readonly create: TableCreation | null
}

/** How a table is named in reports: after its database, where the run names several or finds them by a pattern. */
export function nameIn(databases: readonly string[], endpoint: number, table: string): string {
  const database = databases[endpoint]!
  return database === '' ? table : `${database}.${table}`
}

export interface Sharding {
  /** Names of the databases; one without a name of its own for a target in one database. */
  readonly databases: readonly string[]
  /** The table as it was named: `account_{0..15}`. */
  readonly table: string
  /** One for databases and tables together, or one for each. */
  readonly rule: ShardRule | { readonly database: ShardRule; readonly table: ShardRule }
  /**
   * Columns that the source derives for rules with `sql`, the database's before the table's. They are read behind those that
   * are written, stay there through the pipeline, and are dropped when a row's shard is known.
   */
  readonly reads: readonly Column[]
  /** `each`: every database has all tables; `through`: the numbers of the tables run through the databases. */
  readonly numbering: 'each' | 'through'
  /** Those that are known. By date there may be more, which are made when their first row comes. */
  readonly shards: readonly Shard[]
  /** How a table is made that a date calls for: like a shard, or where there is none like the source. null: rows of such dates are refused. */
  readonly onDemand: {
    readonly like: TableSchema
    readonly sourceDdl: SourceDdl | null
    readonly wideColumns: readonly string[]
  } | null
}
