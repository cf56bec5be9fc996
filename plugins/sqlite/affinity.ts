import type { ColumnKind } from '../../src/contract/plugin.js'

/**
 * How a column converts what is stored in it. `none` is a column without a declared type (or `ANY` of a STRICT
 * table); SQLite calls both it and `blob` BLOB affinity.
 */
export type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric' | 'none'

/** SQLite's own rules, in SQLite's own order: "FLOATING POINT" is an integer, "STRING" is numeric. */
export function affinityOf(type: string): Affinity {
  if (type === '') return 'none'
  if (/INT/i.test(type)) return 'integer'
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'text'
  if (/BLOB/i.test(type)) return 'blob'
  if (/REAL|FLOA|DOUB/i.test(type)) return 'real'
  return 'numeric'
}

/** Whether the column turns text that looks like a number into a number. */
export function convertsNumbers(affinity: Affinity): boolean {
  return affinity === 'integer' || affinity === 'real' || affinity === 'numeric'
}

const KIND_BY_AFFINITY = { integer: 'integer', text: 'text', blob: 'bytes', real: 'float' } as const

/** Kinds by declared name, for columns of numeric affinity. A boolean is stored as whatever number was given. */
const KIND_BY_NAME: readonly (readonly [RegExp, ColumnKind])[] = [
  [/DATETIME|TIMESTAMP/i, 'datetime'],
  [/DATE/i, 'date'],
  [/TIME/i, 'time'],
  [/DEC|NUM|MONEY/i, 'decimal'],
  [/BOOL|YEAR|BIT/i, 'integer'],
]

/** The kind of a column with a declared type; STRING, UUID and other invented names are text. */
export function kindOf(type: string, affinity: Exclude<Affinity, 'none'>): ColumnKind {
  if (/JSON/i.test(type) && affinity !== 'blob') return 'json'
  if (affinity !== 'numeric') return KIND_BY_AFFINITY[affinity]
  return KIND_BY_NAME.find(([name]) => name.test(type))?.[1] ?? 'text'
}

/**
 * The kind of a column without a declared type, from the storage classes among its first values. The reader
 * refuses values of another class, so a wrong guess ends the run and never changes a value.
 */
export function kindOfClasses(classes: readonly string[]): ColumnKind {
  const [only, ...others] = classes
  if (others.length === 0) {
    if (only === 'integer') return 'integer'
    if (only === 'real') return 'float'
    if (only === 'blob') return 'bytes'
  }
  const numeric = classes.length > 0 && classes.every((name) => name === 'integer' || name === 'real')
  return numeric ? 'decimal' : 'text'
}
