/** The entries of `columns`: checked against each other, and brought to one form. */
import type { Origin, Step, TemplatePart } from '../contract/derivation.js'
import type { PipelineStep } from '../contract/computed-columns.js'
import type { Make, RawMake } from './make.js'
import { makeFaults, makeOf } from './make.js'
import type { RawLiteral, RawSteps } from './step-params.js'
import {
  DEFAULT_TIMEOUT,
  inexact,
  isInexact,
  literal,
  stepFaults,
  stepNames,
  stepsOf,
} from './step-params.js'

/** One entry of `columns`; `*` is every column that no other entry names, by name. */
export type ColumnEntry = '*' | NamedEntry

/** A source column, or a value that another entry makes. */
export type KeyPart = string | { readonly as: string }

export interface NamedEntry {
  /** `params.columns[2]` */
  readonly at: string
  /** null: the values are made of nothing, or of `keys`. */
  readonly origin: Origin | null
  /** What is looked up: columns together, or what other entries make. Default: what comes from `origin`. */
  readonly keys?: readonly KeyPart[]
  /** What the source does to the values. Empty: nothing. */
  readonly steps: readonly Step[]
  /** What a worker thread does to them then. Default: nothing. */
  readonly late?: readonly PipelineStep[]
  /** How a worker thread makes values of these; null: it does not. */
  readonly make: Make | null
  /** What is done to looked-up values. Default: nothing. */
  readonly after?: readonly PipelineStep[]
  /** Under which name other entries take what this one makes. */
  readonly as?: string
  /** The target column; null: the source column is left out on purpose, or there is only `as`. */
  readonly to: string | null
}

/** What the schema lets through. */
export type RawEntry = string | RawObject

type RawPart = string | { readonly as: string }

interface RawObject extends RawMake, RawSteps {
  readonly from?: RawPart | readonly RawPart[]
  readonly to?: string | null
  readonly as?: string
  readonly value?: RawLiteral
  readonly sql?: string
  readonly template?: string
  /** Taken after `lookup`. */
  readonly after?: RawSteps
}

const ORIGINS = ['from', 'value', 'sql', 'template'] as const

/** The source columns that the entry takes as they are: `"*"` does not mean them. */
export function takenColumns({ origin, keys }: NamedEntry): readonly string[] {
  if (keys !== undefined) return keys.filter((key) => typeof key === 'string')
  return origin?.type === 'column' ? [origin.name] : []
}

/** It has a regular expression, which may take long. */
export function usesRegex(entry: RawEntry): boolean {
  return typeof entry === 'object' && (entry.replace_regex ?? entry.after?.replace_regex) !== undefined
}

/** A worker thread has something to do. */
export function isProduced({ make, late }: NamedEntry): boolean {
  return make !== null || late !== undefined
}

/** Files are found from `folder`; `timeout` is for regular expressions. */
export function columnEntries(
  raw: readonly RawEntry[],
  folder = '.',
  timeout = DEFAULT_TIMEOUT,
): readonly ColumnEntry[] {
  return raw.map((entry, i) => {
    const at = `params.columns[${i}]`
    if (entry === '*') return entry
    if (typeof entry === 'string')
      return { at, origin: { type: 'column', name: entry }, steps: [], make: null, to: entry }
    const { source, late } = stepsOf(entry, timeout)
    const after = allSteps(entry.after ?? {}, timeout)
    return {
      at,
      origin: originOf(entry),
      ...(typeof entry.from === 'object' ? { keys: partsOf(entry.from) } : {}),
      steps: source,
      ...(late.length > 0 ? { late } : {}),
      make: makeOf(entry, folder),
      ...(after.length > 0 ? { after } : {}),
      ...(entry.as === undefined ? {} : { as: entry.as }),
      to: targetOf(entry),
    }
  })
}

/** A name for other entries needs no column; what is made of one source column alone goes to that of its name. */
function targetOf({ from, to, as }: RawObject): string | null {
  if (to !== undefined) return to
  return as === undefined ? (from as string) : null
}

function partsOf(from: Exclude<RawObject['from'], string | undefined>): readonly RawPart[] {
  return Array.isArray(from) ? (from as readonly RawPart[]) : [from as RawPart]
}

function allSteps(raw: RawSteps, timeout: number): readonly PipelineStep[] {
  const { source, late } = stepsOf(raw, timeout)
  return [...source, ...late]
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
  const steps = stepNames(entry)
  const faults: string[] = []
  if (origins.length === 0 && !entry.id)
    faults.push(`one of ${quoted(ORIGINS)} must say where the value comes from`)
  if (origins.length > 1) faults.push(`${quoted(origins)} exclude each other`)
  if (entry.to === undefined && entry.as === undefined && typeof entry.from !== 'string')
    faults.push('"to" is missing: the target column')
  if (typeof entry.from === 'object') faults.push(...partsFaults(entry, steps))
  if (entry.to === null) faults.push(...dropFaults(entry, steps, star))
  if (entry.value !== undefined && steps.length > 0)
    faults.push(`${quoted(steps)} would change a constant: write the value as it is to be`)
  const named = typeof entry.from === 'object' ? partsOf(entry.from).length : origins.length > 0 ? 1 : 0
  faults.push(...makeFaults(entry, named, workerNum), ...producedFaults(entry), ...stepFaults(entry))
  faults.push(...stepFaults(entry.after ?? {}).map((fault) => `"after": ${fault}`))
  if (entry.template !== undefined && parseTemplate(entry.template) === null)
    faults.push(
      'the braces of "template" do not match; write columns as {name}, and braces themselves as {{ and }}',
    )
  if (isInexact(entry.value ?? null)) faults.push(inexact('"value"'))
  return faults
}

/** Of an entry that names several values, or one that another entry makes. */
function partsFaults({ from, lookup }: RawObject, steps: readonly string[]): string[] {
  const list = Array.isArray(from)
  if (!lookup)
    return [
      list
        ? 'a list in "from" is for "lookup": the parts of a key'
        : '"from" names what another entry makes, which is for "lookup"',
    ]
  if (steps.length === 0) return []
  return [
    list
      ? `${quoted(steps)} would change one value, and "from" names several: look in a view, or compute them with "sql"`
      : `${quoted(steps)} are done before the lookup: say them in "after" of the entry that makes the value`,
  ]
}

function producedFaults({ as, after, lookup, replace_regex }: RawObject): string[] {
  const faults: string[] = []
  if (after !== undefined && !lookup)
    faults.push('"after" is done to looked-up values: it goes with "lookup"')
  if (as !== undefined && !lookup && replace_regex === undefined)
    faults.push('"as" names what a worker thread makes: it goes with "lookup" or "replace_regex"')
  return faults
}

function dropFaults(entry: RawObject, steps: readonly string[], star: boolean): string[] {
  if (
    typeof entry.from !== 'string' ||
    steps.length > 0 ||
    entry.lookup ||
    entry.id ||
    entry.as !== undefined
  )
    return ['"to": null leaves a source column out: it takes "from" and nothing else']
  return star ? [] : ['"to": null is for lists with "*"; without it, what is not listed is left out anyway']
}

function originOf(entry: RawObject): Origin | null {
  if (typeof entry.from === 'string') return { type: 'column', name: entry.from }
  if (entry.sql !== undefined) return { type: 'sql', sql: entry.sql }
  if (entry.template !== undefined) return { type: 'template', parts: parseTemplate(entry.template)! }
  return entry.value === undefined ? null : { type: 'constant', value: literal(entry.value) }
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
