import { RowshiftError } from '../contract/errors.js'
import type { Column, Key, SplitKey, TableSchema, Window } from '../contract/plugin.js'
import type { Mode, RunPlan } from '../contract/run-plan.js'
import { columnNamed } from './column-names.js'
import { counted } from '../wire/counted.js'

type Consistency = RunPlan['policy']['consistency']

export interface KeyChoice {
  readonly key: SplitKey | null
  readonly reason: string
}

/**
 * The key to split the source by: the one asked for, else the primary key, else a NOT NULL unique key, else a
 * nullable unique key, else where rows are stored; null when there is none that can be ordered.
 */
export function chooseKey(
  source: TableSchema,
  asked: readonly string[] | null,
  consistency: Consistency = 'split',
): KeyChoice {
  if (asked !== null) return askedKey(source, asked)
  const usable = source.keys.filter((key) => key.columns.every((name) => column(source, name).ordered))
  const best =
    usable.find(({ primary, nullable }) => primary && !nullable) ??
    usable.find(({ nullable }) => !nullable) ??
    usable[0]
  if (!best) return noKey(source, consistency)
  const what = best.primary
    ? 'the primary key'
    : best.nullable
      ? 'a nullable unique key'
      : 'a unique key without NULL'
  return { key: toSplitKey(source, best), reason: `split key ${best.columns.join(', ')}: ${what}` }
}

/**
 * How to split a window. By times it is split along its own column when that has an index, so that only the window is
 * read; without one the whole table is read anyway, along its key.
 */
export function keyWithin(window: Window, mode: Mode, whole: KeyChoice, splitRows: number): KeyChoice {
  const { column: timed, rows, countedTo, index } = window
  if (mode === 'append' || (index === null && rows > splitRows)) return whole
  if (rows <= splitRows && rows < countedTo) {
    return { key: null, reason: `one split: the window holds ${counted(rows, 'row')}` }
  }
  // No index serves what `readAs` computes: each split would read all of the window, which is the whole table here.
  if (index === null || (timed.readAs !== undefined && window.from === null)) return whole
  const key = { name: index, columns: [timed], nullable: timed.nullable }
  return { key, reason: `split by ${timed.name}: by its index only the window is read` }
}

function askedKey(source: TableSchema, asked: readonly string[]): KeyChoice {
  const columns = asked.map((name) => column(source, name))
  const names = columns.map(({ name }) => name)
  const unordered = columns.filter(({ ordered }) => !ordered)
  if (unordered.length > 0) {
    throw new RowshiftError(
      'COLUMN_NOT_FOUND',
      `Table ${source.table} cannot be split by ${unordered.map(({ name, type }) => `${name} (${type})`).join(', ')}: ` +
        'its values are not compared in the order they are sorted in. Name another "pk".',
      { table: source.table, columns: names },
    )
  }
  const same = (key: Key) =>
    key.columns.length === names.length && key.columns.every((name, i) => name === names[i])
  const key = source.keys.find(same)
  if (!key) {
    throw new RowshiftError(
      'COLUMN_NOT_FOUND',
      `Table ${source.table} has no unique key on ${names.join(', ')}, so it cannot be split by it. ` +
        `Its unique keys: ${source.keys.map(({ columns }) => `(${columns.join(', ')})`).join(' ') || 'none'}.`,
      { table: source.table, columns: names },
    )
  }
  return { key: toSplitKey(source, key), reason: `split key ${names.join(', ')}: asked for by pk` }
}

function noKey(source: TableSchema, consistency: Consistency): KeyChoice {
  const { table, keys, location } = source
  const why =
    keys.length === 0 ? 'has no unique key' : 'has no unique key whose values can be compared in order'
  if (location && consistency === 'snapshot')
    return {
      key: { name: '', columns: [location], nullable: false },
      reason: `split by ${location.name}, where rows are stored: ${table} ${why}, and a snapshot keeps them there`,
    }
  const hint = location ? '; with "consistency": "snapshot" several threads would read it' : ''
  return {
    key: null,
    reason: `no split key: ${table} ${why}, so it is copied in one split by one thread${hint}`,
  }
}

function toSplitKey(source: TableSchema, key: Key): SplitKey {
  return { name: key.name, columns: key.columns.map((name) => column(source, name)), nullable: key.nullable }
}

/** A column by name, without regard to case. Throws COLUMN_NOT_FOUND. */
export function column(table: TableSchema, name: string): Column {
  const found = columnNamed(table.columns, name)
  if (found) return found
  throw new RowshiftError(
    'COLUMN_NOT_FOUND',
    `Table ${table.table} has no column "${name}". It has: ${table.columns.map(({ name }) => name).join(', ')}.`,
    { table: table.table, column: name },
  )
}
