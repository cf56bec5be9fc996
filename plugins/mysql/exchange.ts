import type { Column, PlannedWrite } from '../../src/contract/plugin.js'
import { untouchedColumns } from '../../src/sql/settlement.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { identifier, memberNumber, text } from './sql.js'
import type { Merge } from './statements.js'
import { otherThan, sameRow, stagedValue, stageName, stagingSql } from './statements.js'

/** Holds what is to be kept of the rows that are exchanged, and is seen by this session only. */
const PARKED = 'rowshift_parked'

/** The SQL that takes the old rows of all staged ones away and inserts the new ones. */
export interface ExchangeSql {
  readonly create: readonly string[]
  readonly empty: string
  readonly park: string
  readonly remove: readonly string[]
  readonly merge: Merge
}

export function exchangeSql(spec: PlannedWrite, { insert }: Merge): ExchangeSql {
  const { table } = spec.table
  const parkedName = otherThan(table, PARKED)
  const [target, stage, parked] = [table, stageName(table), parkedName].map(identifier) as [
    string,
    string,
    string,
  ]
  const identity = spec.identity!
  const untouched = untouchedColumns(spec)
  const staged = stagedValue(spec)
  const columns = [...spec.columns.map(({ target: { name } }) => name), ...untouched.map(({ name }) => name)]
  const written = [
    ...spec.columns.map(({ target: { name } }) => staged(identifier(name))),
    ...untouched.map((column) => sameValue(column, parked)),
  ]
  const keys = spec.table.columns.filter(({ name }) => identity.includes(name))
  const saved = [...keys, ...untouched]
  return {
    create: stagingSql(
      table,
      saved.map(({ name }) => name),
      parkedName,
      identity,
    ),
    empty: `DELETE FROM ${parked}`,
    // A row that is staged twice has one old row.
    park: `INSERT IGNORE INTO ${parked} SELECT ${saved.map((column) => sameValue(column, target)).join(',')} FROM ${stage} STRAIGHT_JOIN ${target} ON ${sameRow(spec, target, stage)}`,
    // Rows that refer to one with this key find it again, so nothing may happen to them meanwhile.
    remove: [
      'SET @rowshift_checks = @@foreign_key_checks, foreign_key_checks = 0',
      `DELETE ${target} FROM ${parked} STRAIGHT_JOIN ${target} ON ${sameRow(spec, target, parked)}`,
    ],
    merge: {
      update: `INSERT INTO ${target} (${columns.map(identifier).join(',')}) SELECT ${written.join(',')} FROM ${stage} STRAIGHT_JOIN ${parked} ON ${sameRow(spec, parked, stage)}`,
      insert,
    },
  }
}

export const restoreChecksSql = 'SET foreign_key_checks = @rowshift_checks'

/** Members go by their number: as text, one may be taken for another. */
function sameValue({ name, type }: Column, table: string): string {
  const value = `${table}.${identifier(name)}`
  return /^(enum|set)\b/i.test(type) ? memberNumber(value) : value
}

/** What would notice that a row is deleted and inserted instead of being changed; null: nothing. */
export async function exchangeObstacle(session: Session, spec: PlannedWrite): Promise<string | null> {
  const { table } = spec.table
  const [reference, [trigger]] = await Promise.all([
    session.query(
      `SELECT CONSTRAINT_NAME, CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), REFERENCED_COLUMN_NAME,
              TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}
       FROM information_schema.KEY_COLUMN_USAGE
       WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = ${text(table)}`,
    ),
    session.query(
      `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ${text(table)} AND EVENT_MANIPULATION = 'DELETE' LIMIT 1`,
    ),
  ]).catch((error: unknown) => {
    throw mapError(error, `looking for what refers to ${table}`, { table })
  })
  if (trigger) return `trigger ${trigger[0]} of ${table} runs when a row is deleted`
  const untouched = new Set(
    [...spec.identity!, ...untouchedColumns(spec).map(({ name }) => name)].map((name) => name.toLowerCase()),
  )
  const found = reference.find(([, , column, own]) => own === '1' || !untouched.has(column!.toLowerCase()))
  if (found === undefined) return null
  return `foreign key ${found[0]} of ${found[1]} refers to its column ${found[2]}`
}
