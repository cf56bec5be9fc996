/** The entries of `columns`: checked against each other, and brought to one form. */
import type { Literal, Origin, Step, TemplatePart, Unmapped } from '../derive.js'
import { parseCast } from './cast.js'
import type { Make, RawMake } from './make.js'
import { makeFaults, makeOf } from './make.js'

/** One entry of `columns`; `*` is every column that no other entry names, by name. */
export type ColumnEntry = '*' | NamedEntry

export interface NamedEntry {
  /** `params.columns[2]` */
  readonly at: string
  /** null: the values are made of nothing, or of `keys`. */
  readonly origin: Origin | null
  /** Source columns that are looked up together. Default: what comes from `origin` is. */
  readonly keys?: readonly string[]
  /** Empty: nothing is done to the values. */
  readonly steps: readonly Step[]
  /** How a worker thread makes the values, of those that come from the source; null: it does not. */
  readonly make: Make | null
  /** The target column; null: the source column is left out on purpose. */
  readonly to: string | null
}

type RawLiteral = string | number | boolean | null

/** What the schema lets through. */
export type RawEntry = string | RawObject

interface RawObject extends RawMake {
  readonly from?: string | readonly string[]
  readonly to?: string | null
  readonly value?: RawLiteral
  readonly sql?: string
  readonly template?: string
  readonly trim?: boolean
  readonly replace?: Readonly<Record<string, string>>
  readonly map?: Readonly<Record<string, RawLiteral>>
  readonly unmapped?: 'error' | 'keep' | 'null' | { readonly value: RawLiteral }
  readonly cast?: string
  readonly mask?: { readonly keep_first?: number; readonly keep_last?: number; readonly with?: string }
  readonly hash?: 'sha256' | { readonly type: 'sha256'; readonly salt?: string }
  readonly default?: string | number | boolean
}

const ORIGINS = ['from', 'value', 'sql', 'template'] as const
const STEPS = ['trim', 'replace', 'map', 'cast', 'mask', 'hash', 'default'] as const
/** More digits than a JSON number keeps. */
const EXACT_DIGITS = 15

/** The source columns that the entry takes as they are: `"*"` does not mean them. */
export function takenColumns({ origin, keys }: NamedEntry): readonly string[] {
  return keys ?? (origin?.type === 'column' ? [origin.name] : [])
}

export function columnEntries(raw: readonly RawEntry[]): readonly ColumnEntry[] {
  return raw.map((entry, i) => {
    const at = `params.columns[${i}]`
    if (entry === '*') return entry
    if (typeof entry === 'string')
      return { at, origin: { type: 'column', name: entry }, steps: [], make: null, to: entry }
    const { from } = entry
    // Of several columns, none gives the target column its name.
    const to = entry.to === undefined ? (from as string) : entry.to
    const keys = typeof from === 'object' ? { keys: from } : {}
    return { at, origin: originOf(entry), ...keys, steps: stepsOf(entry), make: makeOf(entry), to }
  })
}

/** What the schema cannot say: entries that contradict themselves or each other. Those that have a fault already are passed over. */
export function entryFaults(raw: unknown, known: readonly string[], workerNum: number): string[] {
  if (!Array.isArray(raw)) return []
  const entries = raw as readonly RawEntry[]
  const star = entries.includes('*')
  const faulty = new Set(known.map((fault) => /^params\.columns\[(\d+)\]/.exec(fault)?.[1]))
  return entries.flatMap((entry, i) => {
    if (typeof entry === 'string' || faulty.has(String(i))) return []
    return objectFaults(entry, star, workerNum).map((fault) => `params.columns[${i}]: ${fault}`)
  })
}

function objectFaults(entry: RawObject, star: boolean, workerNum: number): string[] {
  const origins = ORIGINS.filter((key) => entry[key] !== undefined)
  const steps = STEPS.filter((key) => entry[key] !== undefined)
  const faults: string[] = []
  if (origins.length === 0 && !entry.id)
    faults.push(`one of ${quoted(ORIGINS)} must say where the value comes from`)
  if (origins.length > 1) faults.push(`${quoted(origins)} exclude each other`)
  if (entry.to === undefined && typeof entry.from !== 'string')
    faults.push('"to" is missing: the target column')
  if (typeof entry.from === 'object') faults.push(...listFaults(entry, steps))
  if (entry.to === null) faults.push(...dropFaults(entry, steps, star))
  if (entry.value !== undefined && steps.length > 0)
    faults.push(`${quoted(steps)} would change a constant: write the value as it is to be`)
  const named = typeof entry.from === 'object' ? entry.from.length : origins.length > 0 ? 1 : 0
  faults.push(...makeFaults(entry, named, workerNum))
  if (entry.unmapped !== undefined && entry.map === undefined) faults.push('"unmapped" goes with "map"')
  if (entry.mask && entry.hash !== undefined) faults.push('"mask" and "hash" exclude each other')
  if (entry.cast !== undefined && parseCast(entry.cast) === null)
    faults.push(
      `"cast" to ${JSON.stringify(entry.cast)} is unknown; known are tinyint, smallint, mediumint, int, bigint (each also "unsigned"), decimal(p,s), double, text, varchar(n), date, datetime(n)`,
    )
  if (entry.template !== undefined && parseTemplate(entry.template) === null)
    faults.push(
      'the braces of "template" do not match; write columns as {name}, and braces themselves as {{ and }}',
    )
  for (const [key, value] of literals(entry)) {
    if (isInexact(value))
      faults.push(`${key} has more digits than a JSON number keeps: write it as a string, in quotes`)
  }
  return faults
}

/** Of an entry that names several columns. */
function listFaults({ lookup }: RawObject, steps: readonly string[]): string[] {
  if (!lookup) return ['a list in "from" is for "lookup": the parts of a key']
  if (steps.length === 0) return []
  return [
    `${quoted(steps)} would change one value, and "from" names several: look in a view, or compute them with "sql"`,
  ]
}

function dropFaults(entry: RawObject, steps: readonly string[], star: boolean): string[] {
  if (typeof entry.from !== 'string' || steps.length > 0 || entry.lookup || entry.id)
    return ['"to": null leaves a source column out: it takes "from" and nothing else']
  return star ? [] : ['"to": null is for lists with "*"; without it, what is not listed is left out anyway']
}

function* literals(entry: RawObject): Generator<[string, RawLiteral]> {
  if (entry.value !== undefined) yield ['"value"', entry.value]
  if (entry.default !== undefined) yield ['"default"', entry.default]
  if (typeof entry.unmapped === 'object') yield ['"unmapped"', entry.unmapped.value]
  for (const [key, value] of Object.entries(entry.map ?? {})) yield [`"map" of ${JSON.stringify(key)}`, value]
}

function isInexact(value: RawLiteral): boolean {
  if (typeof value !== 'number') return false
  const text = String(value)
  return text.includes('e') || text.replace(/^-?0*\.?0*|\./g, '').length > EXACT_DIGITS
}

function originOf(entry: RawObject): Origin | null {
  if (typeof entry.from === 'string') return { type: 'column', name: entry.from }
  if (entry.sql !== undefined) return { type: 'sql', sql: entry.sql }
  if (entry.template !== undefined) return { type: 'template', parts: parseTemplate(entry.template)! }
  return entry.value === undefined ? null : { type: 'constant', value: literal(entry.value) }
}

/** In the order in which they are taken, whatever the order of the keys. */
function stepsOf(entry: RawObject): Step[] {
  const { trim, replace, map, cast, mask, hash } = entry
  const steps: Step[] = []
  if (trim) steps.push({ type: 'trim' })
  if (replace) steps.push({ type: 'replace', pairs: Object.entries(replace) })
  if (map) {
    const pairs = Object.entries(map).map(([from, to]) => [from, literal(to)] as const)
    steps.push({ type: 'map', pairs, unmapped: unmappedOf(entry.unmapped) })
  }
  if (cast !== undefined) steps.push({ type: 'cast', to: parseCast(cast)! })
  if (mask)
    steps.push({
      type: 'mask',
      first: mask.keep_first ?? 0,
      last: mask.keep_last ?? 0,
      with: mask.with ?? '*',
    })
  if (hash !== undefined)
    steps.push({ type: 'hash', salt: typeof hash === 'string' ? '' : (hash.salt ?? '') })
  if (entry.default !== undefined) steps.push({ type: 'default', value: literal(entry.default)! })
  return steps
}

function unmappedOf(raw: RawObject['unmapped'] = 'error'): Unmapped {
  if (raw === 'null') return { value: null }
  return typeof raw === 'string' ? raw : { value: literal(raw.value) }
}

function literal(raw: RawLiteral): Literal {
  if (raw === null || typeof raw === 'string') return raw
  return typeof raw === 'boolean' ? (raw ? '1' : '0') : String(raw)
}

/** null: the braces do not match, or there is none. */
function parseTemplate(template: string): TemplatePart[] | null {
  const parts: TemplatePart[] = []
  for (const [token, name] of template.matchAll(/\{\{|\}\}|\{([^{}]+)\}|[^{}]+|[{}]/g)) {
    if (name !== undefined) parts.push({ column: name })
    else if (token === '{' || token === '}') return null
    else parts.push({ text: token === '{{' ? '{' : token === '}}' ? '}' : token })
  }
  return parts.length === 0 ? null : parts
}

function quoted(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(', ')
}
