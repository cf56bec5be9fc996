import { createHash } from 'node:crypto'
import type { Key, PlannedWrite } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'
import { untouchedColumns } from '../../src/sql/settlement.js'
import { SilentChangeChecks } from '../../src/wire/silent-changes.js'
import { identifier, tableSql } from './sql.js'

/** The temporary table that rows go into first, where they do not simply go into the target. */
export interface Stage {
  readonly create: string
  readonly drop: string
  readonly empty: string
  /** The same, for many rows. */
  readonly truncate: string
  /** Of `replace`: takes away what the rows are going to replace. */
  readonly remove: readonly string[]
  /** Gives how many rows were stored, how many of these are new, and how many were looked at. */
  readonly merge: string
  /** The same for the first row of each key only. */
  readonly mergeFirst: string
  /** Takes these out of the stage. */
  readonly takeFirst: string
  /** Whether some row of the stage has none with its key in the table, after a merge; null: all rows are stored, or the merge fails. */
  readonly lost: string | null
  /** How many rows a merge is to change, and the same for `mergeFirst`; null: triggers have a say in that. */
  readonly differing: readonly [all: string, first: string] | null
  readonly exchange: Exchange
}

/** How rows that have waited for unique values are exchanged. */
export interface Exchange {
  readonly park: string
  readonly remove: string
  readonly insertOld: string
  readonly insertNew: string
}

/** The SQL of a plan, made once per thread. */
export interface Statements {
  readonly spec: PlannedWrite
  readonly copy: string
  readonly checks: SilentChangeChecks | null
  readonly stage: Stage | null
  /** Sessions that have the stage. */
  readonly sessions: WeakSet<SqlSession>
}

/** Each commit empties all stages of a session, so that tables with the same columns in all respects, as those of a sharded target, have one together. */
export class Stages {
  static #made = 0
  readonly #byColumns = new Map<string, StageTable>()

  of({ columns }: PlannedWrite): StageTable {
    // There may be thousands of tables.
    const key = createHash('sha256')
      .update(JSON.stringify(columns.map(({ target }) => target)))
      .digest('base64')
    const stage = this.#byColumns.get(key) ?? {
      name: `pg_temp.rowshift_stage_${++Stages.#made}`,
      sessions: new WeakSet<SqlSession>(),
    }
    this.#byColumns.set(key, stage)
    return stage
  }
}

interface StageTable extends Pick<Statements, 'sessions'> {
  readonly name: string
}

export function statementsOf(spec: PlannedWrite, stages: Stages): Statements {
  const staged = spec.writeMode !== 'insert'
  const stage = staged ? stages.of(spec) : null
  const into = stage?.name ?? tableSql(spec.table.table)
  return {
    spec,
    copy: `COPY ${into} (${list(namesOf(spec))}) FROM STDIN`,
    stage: stage && stageSql(spec, stage.name),
    sessions: stage?.sessions ?? new WeakSet<SqlSession>(),
    checks: SilentChangeChecks.of(spec),
  }
}

function stageSql(spec: PlannedWrite, stage: string): Stage {
  const table = tableSql(spec.table.table)
  const columns = list(namesOf(spec))
  const key = list(spec.identity ?? [])
  const names = new Set(namesOf(spec))
  // A row has no value of others yet.
  const isCopied = (each: Key) => each.columns.every((name) => names.has(name))
  const first = `SELECT DISTINCT ON (${key}) ctid FROM ${stage} ORDER BY ${key}, ctid`
  const firstRows = `first AS (SELECT ${columns} FROM ${stage} WHERE ctid IN (${first}))`
  return {
    create: `CREATE TEMPORARY TABLE ${stage} ON COMMIT DELETE ROWS AS SELECT ${columns} FROM ${table} WITH NO DATA`,
    drop: `DROP TABLE ${stage}`,
    empty: `DELETE FROM ${stage}`,
    truncate: `TRUNCATE ${stage}`,
    remove:
      spec.writeMode === 'replace'
        ? spec.table.keys
            .filter(isCopied)
            .map((each) => `DELETE FROM ${table} AS a USING ${stage} AS b WHERE ${same(each.columns)}`)
        : [],
    merge: `WITH ${mergeSql(spec, stage)}`,
    mergeFirst: `WITH ${firstRows}, ${mergeSql(spec, 'first')}`,
    takeFirst: `DELETE FROM ${stage} WHERE ctid IN (${first})`,
    lost: spec.identity && missingSql(spec, spec.identity, stage),
    differing:
      spec.writeMode === 'upsert' && spec.facts['dropsUpdates']
        ? [differingSql(spec, stage), `WITH ${firstRows} ${differingSql(spec, 'first')}`]
        : null,
    exchange: exchangeSql(spec, stage),
  }
}

/** Locks them, so that they are the same when they are merged. */
function differingSql(spec: PlannedWrite, from: string): string {
  const image = (row: string) => `ROW(${qualified(row, namesOf(spec))})::record`
  const rows = `SELECT FROM ${tableSql(spec.table.table)} AS a JOIN ${from} AS b ON ${same(spec.identity!)} WHERE ${image('a')} *<> ${image('b')}`
  return `SELECT count(*) FROM (${rows} FOR UPDATE OF a) AS differing`
}

/** A row is changed where its image differs: numbers may be equal with other digits, texts by their collation, and JSON has no `=`. */
export function mergeSql(spec: PlannedWrite, from: string): string {
  const { facts, identity, table, writeMode } = spec
  const names = namesOf(spec)
  const changed = spec.columns
    .filter(({ target: { kind, name } }) => kind !== 'integer' || !identity?.includes(name))
    .map(({ target }) => identifier(target.name))
  const image = (row: string) => `ROW(${qualified(row, names)})::record`
  const set = changed.map((name) => `${name} = excluded.${name}`).join(', ')
  const update =
    writeMode === 'upsert' && set !== ''
      ? `UPDATE SET ${set} WHERE ${image('old')} *<> ${image('excluded')}`
      : 'NOTHING'
  const conflict = writeMode === 'replace' ? '' : ` ON CONFLICT (${list(identity!)}) DO ${update}`
  const insert = insertSql(spec, names, `SELECT ${list(names)} FROM ${from}`)
  const counted = writeMode === 'upsert'
  // A row that was there is locked before it is changed, which its new version shows; not through a partitioned table.
  const isNew = counted && !facts['partitioned'] ? 'xmax = 0' : 'true'
  const fresh =
    counted && facts['partitioned']
      ? `(SELECT count(*) FROM ${from} AS b WHERE NOT EXISTS (SELECT FROM ${tableSql(table.table)} AS a WHERE ${same(identity!)}))`
      : 'count(*) FILTER (WHERE is_new)'
  return `merged AS (${insert}${conflict} RETURNING ${isNew} AS is_new) SELECT count(*), ${fresh}, (SELECT count(*) FROM ${from}) FROM merged`
}

function missingSql({ table }: PlannedWrite, identity: readonly string[], stage: string): string {
  return `SELECT 1 FROM ${stage} AS b WHERE NOT EXISTS (SELECT FROM ${tableSql(table.table)} AS a WHERE ${same(identity)}) LIMIT 1`
}

function exchangeSql(spec: PlannedWrite, stage: string): Exchange {
  const table = tableSql(spec.table.table)
  const parked = 'pg_temp.rowshift_parked'
  const identity = spec.identity ?? []
  const names = namesOf(spec)
  const untouched = untouchedColumns(spec).map(({ name }) => name)
  const saved = qualified('a', [...new Set([...identity, ...untouched])])
  const selected = [qualified('b', names), qualified('a', untouched)].filter((part) => part !== '').join(', ')
  return {
    park: `CREATE TEMPORARY TABLE ${parked} ON COMMIT DROP AS SELECT ${saved} FROM ${table} AS a WHERE EXISTS (SELECT FROM ${stage} AS b WHERE ${same(identity)})`,
    remove: `DELETE FROM ${table} AS a USING ${parked} AS b WHERE ${same(identity)}`,
    insertOld: insertSql(
      spec,
      [...names, ...untouched],
      `SELECT ${selected} FROM ${parked} AS a JOIN ${stage} AS b ON ${same(identity)}`,
    ),
    insertNew: insertSql(
      spec,
      names,
      `SELECT ${qualified('b', names)} FROM ${stage} AS b WHERE NOT EXISTS (SELECT FROM ${parked} AS a WHERE ${same(identity)})`,
    ),
  }
}

export function insertSql(spec: PlannedWrite, columns: readonly string[], rows: string): string {
  return `INSERT INTO ${tableSql(spec.table.table)} AS old (${list(columns)}) OVERRIDING SYSTEM VALUE ${rows}`
}

function same(columns: readonly string[]): string {
  return columns.map((name) => `a.${identifier(name)} = b.${identifier(name)}`).join(' AND ')
}

function qualified(row: string, columns: readonly string[]): string {
  return columns.map((name) => `${row}.${identifier(name)}`).join(', ')
}

export function namesOf({ columns }: PlannedWrite): string[] {
  return columns.map(({ target }) => target.name)
}

function list(names: readonly string[]): string {
  return names.map(identifier).join(', ')
}
