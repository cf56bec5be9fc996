/** `lookup` in an entry of `columns`. */
import { resolve } from 'node:path'
import type { GivenCells, GivenTable } from './given-table.js'
import type { MissingRule } from '../../contract/computed-columns.js'
import type { RawLiteral } from '../../task/step-params.js'
import { inexact, isInexact, literal } from '../../task/step-params.js'

/** What the schema lets through: a table of a database, a file, or rows. */
export interface RawLookup {
  readonly in?: string
  readonly table?: string | readonly string[]
  readonly file?: string
  readonly rows?: RawRow | readonly RawRow[]
  readonly key?: string | readonly string[]
  readonly value?: string
  readonly missing?: 'error' | 'null' | 'skip' | { readonly value: string | number | boolean }
  readonly preload_mb?: number
}

type RawRow = Readonly<Record<string, RawLiteral>>

const MB = 1e6
/** Where nobody says how much. */
export const PRELOAD_BYTES = 64 * MB
const SOURCES = ['table', 'file', 'rows'] as const
/** What the columns of a dictionary are called. */
const DICTIONARY = { key: ['key'], value: 'value' }

/** What the schema cannot say. `from`: how many values the entry names; 0: it does not say where they come from. */
export function lookupFaults(raw: RawLookup, from: number): string[] {
  const faults: string[] = []
  const sources = SOURCES.filter((name) => raw[name] !== undefined)
  if (sources.length !== 1)
    faults.push(
      `"lookup" needs one of "table" (with "in"), "file" and "rows"${sources.length === 0 ? '' : `, and has ${sources.join(' and ')}`}`,
    )
  if (raw.table !== undefined && raw.in === undefined)
    faults.push('"in" of "lookup" is missing: source, target, a connection or a URL')
  if (raw.in !== undefined && raw.table === undefined && sources.length > 0)
    faults.push('"in" of "lookup" goes with "table"')
  const named = (['key', 'value'] as const).filter((name) => raw[name] !== undefined)
  if (isDictionary(raw)) {
    if (named.length > 0) faults.push('a dictionary in "rows" has no columns: leave "key" and "value" out')
  } else if (named.length < 2) faults.push('"lookup" needs "key" and "value": columns of the table')
  if (from === 0) faults.push('"lookup" needs "from", "sql" or "template": the keys that are looked up')
  else if (keysOf(raw).length !== from)
    faults.push(
      `"from" names ${from} and "key" of "lookup" ${keysOf(raw).length}: they are compared in pairs, so both need the same number`,
    )
  const value = typeof raw.missing === 'object' ? raw.missing.value : null
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    faults.push(`the value of "missing" is not exact as a JSON number: write it as a string, in quotes`)
  return faults.length > 0 ? faults : rowFaults(raw)
}

export function lookupMake(raw: RawLookup, folder: string): LookupMake {
  const { table = [] } = raw
  const given = givenOf(raw, folder)
  return {
    type: 'lookup',
    in: raw.in ?? '',
    tables: typeof table === 'string' ? [table] : table,
    key: keysOf(raw),
    value: raw.value ?? DICTIONARY.value,
    ...(given ? { given } : {}),
    missing: missingOf(raw.missing),
    preloadBytes: raw.preload_mb === undefined ? PRELOAD_BYTES : raw.preload_mb * MB,
  }
}

function keysOf({ key = DICTIONARY.key }: RawLookup): readonly string[] {
  return typeof key === 'string' ? [key] : key
}

function isDictionary({ rows }: RawLookup): boolean {
  return rows !== undefined && !Array.isArray(rows)
}

/** Each row has all columns, and no number that JSON rounds. */
function rowFaults(raw: RawLookup): string[] {
  const { rows } = raw
  if (rows === undefined) return []
  if (!Array.isArray(rows))
    return Object.entries(rows).flatMap(([key, value]) =>
      isInexact(value) ? inexact(`the value of ${JSON.stringify(key)} in "rows"`) : [],
    )
  const names = [...keysOf(raw), raw.value!]
  return (rows as readonly RawRow[]).flatMap((row, i) =>
    names.flatMap((name) => {
      if (!Object.hasOwn(row, name)) return `row ${i + 1} of "rows" has no ${JSON.stringify(name)}`
      return isInexact(row[name]!) ? inexact(`${JSON.stringify(name)} in row ${i + 1} of "rows"`) : []
    }),
  )
}

function givenOf(raw: RawLookup, folder: string): GivenTable | null {
  const { file, rows } = raw
  if (file !== undefined)
    return { type: 'file', path: resolve(folder, file), columns: [...keysOf(raw), raw.value!] }
  return rows === undefined ? null : { type: 'rows', rows: cellsOf(raw) }
}

function cellsOf(raw: RawLookup): GivenCells[] {
  const rows = raw.rows!
  if (!Array.isArray(rows)) return Object.entries(rows).map(([key, value]) => [key, literal(value)])
  const names = [...keysOf(raw), raw.value!]
  return (rows as readonly RawRow[]).map((row) => names.map((name) => literal(row[name]!)))
}

function missingOf(raw: NonNullable<RawLookup['missing']> = 'error'): MissingRule {
  if (raw === 'null') return { rule: 'value', value: null }
  if (typeof raw === 'string') return { rule: raw }
  const { value } = raw
  return { rule: 'value', value: typeof value === 'boolean' ? (value ? '1' : '0') : String(value) }
}

export interface LookupMake {
  readonly type: 'lookup'
  /** `source`, `target`, a name of the configuration or a URL. It may hold a password. Empty for a table that is `given`. */
  readonly in: string
  readonly tables: readonly string[]
  /** The columns that make up the key. */
  readonly key: readonly string[]
  readonly value: string
  /** Default: a database has the table. */
  readonly given?: GivenTable
  readonly missing: MissingRule
  /** Bytes of memory that all of it may take; more is asked for key by key. */
  readonly preloadBytes: number
}
