import type { Column, ColumnMapping, PlannedWrite } from '../../src/contract/plugin.js'
import { SilentChangeChecks } from '../../src/wire/silent-changes.js'
import { identifier, memberNumber } from './sql.js'
import type { InsertMemory, Quoting } from './transcode.js'
import { BulkBuilder, InsertBuilder } from './transcode.js'
import type { WriteFacts } from './write-facts.js'

/** The staging table. It hides any table of that name from this session, so it is not named like the target. */
export function stageName(target: string): string {
  return otherThan(target, 'rowshift_stage')
}

const STAGE_KEY = identifier('rowshift_stage_key')

/** What the rows of an INSERT are called in its ON DUPLICATE KEY UPDATE. */
function newRows(target: string): string {
  return identifier(otherThan(target, 'rowshift_new'))
}

/** A name of ours, unless the target is called so. */
export function otherThan(target: string, name: string): string {
  return target.toLowerCase() === name ? `${name}_2` : name
}

/** How staged rows get into the target. */
export interface Merge {
  /** Changes the rows that are there; null where the INSERT does it, or nothing may change. */
  readonly update: string | null
  readonly insert: string
}

/** The SQL of a plan, made once per thread. */
export class Statements {
  readonly spec: PlannedWrite
  readonly facts: WriteFacts
  readonly checks: SilentChangeChecks | null
  readonly load: string
  readonly insert: InsertBuilder | BulkBuilder
  /** null: rows go straight into the target. */
  readonly stage: { readonly create: readonly string[]; readonly empty: string; readonly merge: Merge } | null

  constructor(spec: PlannedWrite, memory: InsertMemory) {
    this.spec = spec
    this.facts = spec.facts as WriteFacts
    this.checks = SilentChangeChecks.of(spec)
    const target = identifier(spec.table.table)
    const stage = identifier(stageName(spec.table.table))
    const entry = this.facts.staged ? stage : target
    const replace = spec.writeMode === 'replace'
    this.load = loadSql(spec.columns, entry, { mariadb: this.facts.mariadb, replace })
    const values = `${replace ? 'REPLACE' : 'INSERT'} INTO ${entry} (${targetColumns(spec)}) VALUES `
    const duplicate = this.facts.staged ? '' : onDuplicate(spec, this.facts)
    const how = spec.columns.map(quoting)
    this.insert =
      spec.path === 'bulk'
        ? new BulkBuilder(`${values}(${spec.columns.map(parameter).join(',')})${duplicate}`, how, memory)
        : new InsertBuilder(values, how, duplicate, memory)
    this.stage = this.facts.staged
      ? {
          create: stagingSql(
            spec.table.table,
            spec.columns.map(({ target }) => target.name),
          ),
          empty: `DELETE FROM ${stage}`,
          merge: mergeSql(spec, this.facts, target, stage),
        }
      : null
  }
}

export function dropStagingSql(target: string): string {
  return `DROP TEMPORARY TABLE IF EXISTS ${identifier(stageName(target))}`
}

/**
 * A staging table with the target's own types, so that what the target refuses is refused here. Unless one is given, its key is
 * of no use but that some servers take no table without one.
 */
export function stagingSql(
  table: string,
  columns: readonly string[],
  name = stageName(table),
  key: readonly string[] | null = null,
): string[] {
  const list = (names: readonly string[]) => names.map(identifier).join(',')
  const temporary = identifier(name)
  const keyed = key
    ? `PRIMARY KEY (${list(key)})`
    : `${STAGE_KEY} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY`
  return [
    `DROP TEMPORARY TABLE IF EXISTS ${temporary}`,
    `CREATE TEMPORARY TABLE ${temporary} (${keyed}) ENGINE=InnoDB SELECT ${list(columns)} FROM ${identifier(table)} LIMIT 0`,
  ]
}

/** The condition that two tables have the same row. */
export function sameRow({ identity }: PlannedWrite, a: string, b: string): string {
  return identity!.map((name) => `${a}.${identifier(name)} = ${b}.${identifier(name)}`).join(' AND ')
}

function targetColumns(spec: PlannedWrite): string {
  return spec.columns.map(({ target }) => identifier(target.name)).join(',')
}

/** What an INSERT does with a row whose key is there; only for targets with one unique key. */
function onDuplicate(spec: PlannedWrite, facts: WriteFacts): string {
  const [first] = spec.identity ?? []
  if (spec.writeMode === 'ignore') {
    return ` ON DUPLICATE KEY UPDATE ${identifier(first!)} = ${identifier(spec.table.table)}.${identifier(first!)}`
  }
  if (spec.writeMode !== 'upsert') return ''
  const alias = newRows(spec.table.table)
  const fresh = (name: string) => (facts.rowAlias ? `${alias}.${name}` : `VALUES(${name})`)
  return `${facts.rowAlias ? ` AS ${alias}` : ''} ON DUPLICATE KEY UPDATE ${everyColumn(spec, fresh)}`
}

/** All columns are set, so that ON UPDATE CURRENT_TIMESTAMP leaves none of them to the clock. */
function everyColumn(spec: PlannedWrite, value: (name: string) => string, table = ''): string {
  return spec.columns
    .map(({ target }) => identifier(target.name))
    .map((name) => `${table}${name} = ${value(name)}`)
    .join(', ')
}

/**
 * With one unique key, ON DUPLICATE KEY UPDATE does it all. With several it would update whatever row collides on any
 * of them; so rows are looked up by their identity, and a collision on another key is an error.
 */
function mergeSql(spec: PlannedWrite, facts: WriteFacts, target: string, stage: string): Merge {
  const columns = targetColumns(spec)
  const staged = stagedValue(spec)
  const selected = spec.columns.map(({ target: { name } }) => staged(identifier(name))).join(',')
  const insert = `INSERT INTO ${target} (${columns}) SELECT ${selected} FROM ${stage}`
  if (facts.uniqueKeys === 1) {
    const [first] = spec.identity!
    const update =
      spec.writeMode === 'ignore'
        ? `${target}.${identifier(first!)} = ${target}.${identifier(first!)}`
        : everyColumn(spec, staged, `${target}.`)
    return { update: null, insert: `${insert} ON DUPLICATE KEY UPDATE ${update}` }
  }
  const same = sameRow(spec, target, stage)
  return {
    update:
      spec.writeMode === 'ignore'
        ? null
        : `UPDATE ${stage} STRAIGHT_JOIN ${target} ON ${same} SET ${everyColumn(spec, staged, `${target}.`)}`,
    insert: `${insert} LEFT JOIN ${target} ON ${same} WHERE ${target}.${identifier(spec.identity![0]!)} IS NULL`,
  }
}

/** A column of the staging table as it goes into the target. */
export function stagedValue({ columns, table: { table } }: PlannedWrite): (name: string) => string {
  const stage = identifier(stageName(table))
  const numbered = new Set(
    columns.filter(({ target }) => target.cells === 'numbered').map(({ target }) => identifier(target.name)),
  )
  // As text, a member may be taken for another one.
  return (name) => {
    const value = `${stage}.${name}`
    return numbered.has(name) ? memberNumber(value) : value
  }
}

/** As text, the number of a member would first be looked for among the members. */
function parameter({ source }: ColumnMapping): string {
  return source.cells === 'numbered' ? 'CAST(? AS UNSIGNED)' : '?'
}

/** Numbers go in bare, which is shorter; but only into numbers, since a bare number means an ENUM's index. */
function quoting({ source, target }: ColumnMapping): Quoting {
  if (source.cells === 'numbered') return 'integer'
  const number = target.kind === 'integer' || target.kind === 'decimal'
  if (number && (source.kind === 'integer' || source.kind === 'decimal')) return source.kind
  return source.kind === 'bytes' || source.cells === 'encoded' ? 'bytes' : 'text'
}

/**
 * MySQL refuses raw bytes in a file declared utf8mb4, so there a table with binary columns is loaded as binary and its
 * text columns are converted by name; so it is on both servers where the bytes of a text go as they are. MariaDB takes other raw
 * bytes. But with a SET clause it gives a row with id 0 a new id in spite of NO_AUTO_VALUE_ON_ZERO, unless the clause has the id.
 */
export function loadSql(
  columns: readonly Pick<ColumnMapping, 'source' | 'target'>[],
  table: string,
  { mariadb, replace }: { mariadb: boolean; replace: boolean },
): string {
  const binary = columns.some(
    ({ source }) => source.cells === 'encoded' || (!mariadb && source.kind === 'bytes'),
  )
  const values = columns.map(({ source }, i) => loadedValue(source, `@v${i}`, binary))
  const set = values.some((value) => value !== null)
  const fields = columns.map(({ target }, i) => {
    const name = identifier(target.name)
    const value = values[i] ?? (mariadb && set && isCounted(target) ? `@v${i}` : null)
    return value === null ? { name, set: [] } : { name: `@v${i}`, set: [`${name} = ${value}`] }
  })
  const assignments = fields.flatMap((field) => field.set)
  return (
    `LOAD DATA LOCAL INFILE 'rowshift' ${replace ? 'REPLACE ' : ''}INTO TABLE ${table}` +
    ` CHARACTER SET ${binary ? 'binary' : 'utf8mb4'}` +
    " FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'" +
    ` (${fields.map(({ name }) => name).join(', ')})${set ? ` SET ${assignments.join(', ')}` : ''}`
  )
}

/** What a column is set to, by the variable that holds its cell; null: the cell itself, as it stands in the file. */
function loadedValue({ kind, cells }: Column, variable: string, binary: boolean): string | null {
  // As text, a number would first be looked for among the members.
  if (cells === 'numbered') return `CAST(${variable} AS UNSIGNED)`
  const utf8 = (kind === 'text' || kind === 'json') && cells !== 'encoded'
  return binary && utf8 ? `CONVERT(${variable} USING utf8mb4)` : null
}

/** Whether the column may have AUTO_INCREMENT. */
function isCounted({ kind, hasDefault }: Column): boolean {
  return kind === 'integer' && hasDefault
}
