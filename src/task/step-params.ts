/** The parts of an entry of `columns` that change values: in the source, or in a worker thread after that. */
import type { Literal, Step, Unmapped } from '../contract/derivation.js'
import type { PipelineStep } from '../contract/computed-columns.js'
import { parseCast } from './cast.js'

export type RawLiteral = string | number | boolean | null

/** What the schema lets through. */
export interface RawSteps {
  readonly trim?: boolean
  readonly replace?: Readonly<Record<string, string>>
  readonly replace_regex?: RawRegex | readonly RawRegex[]
  readonly map?: Readonly<Record<string, RawLiteral>>
  readonly unmapped?: 'error' | 'keep' | 'null' | { readonly value: RawLiteral }
  readonly cast?: string
  readonly mask?: { readonly keep_first?: number; readonly keep_last?: number; readonly with?: string }
  readonly hash?: 'sha256' | { readonly type: 'sha256'; readonly salt?: string }
  readonly default?: string | number | boolean
}

interface RawRegex {
  readonly pattern: string
  readonly with: string
  readonly flags?: string
}

const STEPS = ['trim', 'replace', 'replace_regex', 'map', 'cast', 'mask', 'hash', 'default'] as const
/** More digits than a JSON number keeps. */
const EXACT_DIGITS = 15
/** Seconds for one batch of rows, where nobody says how many. */
export const DEFAULT_TIMEOUT = 30

/** The steps that are asked for. */
export function stepNames(raw: RawSteps): readonly string[] {
  return STEPS.filter((key) => raw[key] !== undefined)
}

/**
 * In the order in which they are taken, whatever the order of the keys: `source` by the source, `late` by a worker thread, since a
 * regular expression means the same only there, and what comes after it needs its results.
 */
export function stepsOf(raw: RawSteps, timeout: number): { source: Step[]; late: PipelineStep[] } {
  const { trim, replace, replace_regex, map, cast, mask, hash } = raw
  const before: Step[] = []
  if (trim) before.push({ type: 'trim' })
  if (replace) before.push({ type: 'replace', pairs: Object.entries(replace) })
  const after: Step[] = []
  if (map) {
    const pairs = Object.entries(map).map(([from, to]) => [from, literal(to)] as const)
    after.push({ type: 'map', pairs, unmapped: unmappedOf(raw.unmapped) })
  }
  if (cast !== undefined) after.push({ type: 'cast', to: parseCast(cast)! })
  if (mask) {
    const { keep_first = 0, keep_last = 0 } = mask
    after.push({ type: 'mask', first: keep_first, last: keep_last, with: mask.with ?? '*' })
  }
  if (hash !== undefined)
    after.push({ type: 'hash', salt: typeof hash === 'string' ? '' : (hash.salt ?? '') })
  if (raw.default !== undefined) after.push({ type: 'default', value: literal(raw.default)! })
  if (replace_regex === undefined) return { source: [...before, ...after], late: [] }
  const patterns = regexesOf(replace_regex).map(({ pattern, flags = '', with: by }) => ({
    pattern,
    flags,
    by,
  }))
  return { source: before, late: [{ type: 'replace_regex', patterns, timeout }, ...after] }
}

/** What the schema cannot say. */
export function stepFaults(raw: RawSteps): string[] {
  const faults: string[] = []
  if (raw.unmapped !== undefined && raw.map === undefined) faults.push('"unmapped" goes with "map"')
  if (raw.mask && raw.hash !== undefined) faults.push('"mask" and "hash" exclude each other')
  if (raw.cast !== undefined && parseCast(raw.cast) === null)
    faults.push(
      `"cast" to ${JSON.stringify(raw.cast)} is unknown; known are tinyint, smallint, mediumint, int, bigint (each also "unsigned"), decimal(p,s), double, text, varchar(n), date, datetime(n)`,
    )
  for (const each of regexesOf(raw.replace_regex ?? [])) faults.push(...regexFaults(each))
  for (const [key, value] of literals(raw)) {
    if (isInexact(value)) faults.push(inexact(key))
  }
  return faults
}

export function inexact(key: string): string {
  return `${key} has more digits than a JSON number keeps: write it as a string, in quotes`
}

function* literals(raw: RawSteps): Generator<[string, RawLiteral]> {
  if (raw.default !== undefined) yield ['"default"', raw.default]
  if (typeof raw.unmapped === 'object') yield ['"unmapped"', raw.unmapped.value]
  for (const [key, value] of Object.entries(raw.map ?? {})) yield [`"map" of ${JSON.stringify(key)}`, value]
}

function regexesOf(raw: RawRegex | readonly RawRegex[]): readonly RawRegex[] {
  return Array.isArray(raw) ? (raw as readonly RawRegex[]) : [raw as RawRegex]
}

function regexFaults({ pattern, flags = '', with: by }: RawRegex): string[] {
  const name = JSON.stringify(pattern)
  const faults: string[] = []
  try {
    faults.push(...groupFaults(by, groupsOf(pattern, flags), name))
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: .*: /s, '')
    faults.push(
      `"replace_regex" ${name} is not a regular expression of JavaScript (flags ${flags}u): ${reason}`,
    )
  }
  // A half of a surrogate pair has no bytes.
  if (Buffer.from(by).toString() !== by) faults.push(`"with" of "replace_regex" ${name} is not text`)
  return faults
}

/** What a match of the pattern has: names, and how many groups. Throws where it is not a regular expression. */
function groupsOf(
  pattern: string,
  flags: string,
): { readonly count: number; readonly names: readonly string[] } {
  // The empty alternative matches everywhere.
  const match = new RegExp(`(?:${pattern})|`, `${flags}u`).exec('')!
  return { count: match.length - 1, names: Object.keys(match.groups ?? {}) }
}

/** JavaScript writes out what names no group (`$2`), or leaves it out (`$<name>`), without a word. */
function groupFaults(by: string, { count, names }: ReturnType<typeof groupsOf>, pattern: string): string[] {
  const unknown: string[] = []
  for (const [group, digits, name] of by.matchAll(/\$(?:\$|(\d{1,2})|<([^>]*)>)/g)) {
    // `$10` is the first group and a 0 where there are fewer than ten.
    const known = [digits, digits?.[0]].some((text) => Number(text) > 0 && Number(text) <= count)
    if (digits !== undefined ? !known : name !== undefined && !names.includes(name)) unknown.push(group)
  }
  return unknown.map(
    (group) =>
      `"with" of "replace_regex" ${pattern} has ${group}, and the pattern has no such group; a dollar sign is written "$$"`,
  )
}

export function isInexact(value: RawLiteral): boolean {
  if (typeof value !== 'number') return false
  const text = String(value)
  return text.includes('e') || text.replace(/^-?0*\.?0*|\./g, '').length > EXACT_DIGITS
}

function unmappedOf(raw: RawSteps['unmapped'] = 'error'): Unmapped {
  if (raw === 'null') return { value: null }
  return typeof raw === 'string' ? raw : { value: literal(raw.value) }
}

export function literal(raw: RawLiteral): Literal {
  if (raw === null || typeof raw === 'string') return raw
  return typeof raw === 'boolean' ? (raw ? '1' : '0') : String(raw)
}
