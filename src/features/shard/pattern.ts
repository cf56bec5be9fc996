import { RowshiftError } from '../../contract/errors.js'

/** Beyond it a pattern is more likely a mistake than a plan. */
const MOST_NAMES = 4096

/** A name with one place that varies: `account_{0..15}`, `log_{a,b}`, `log_{yyyyMM}` or `log_*`. */
export interface Pattern {
  /** As it was written. */
  readonly text: string
  readonly prefix: string
  readonly suffix: string
  /**
   * What stands in the varying place: the labels in order, a form of date, or anything. `single` for a name without
   * such a place; its prefix is the whole name.
   */
  readonly kind: 'single' | 'labels' | 'date' | 'any'
  readonly labels: readonly string[]
}

/** Names may hold stars; one in a name of plain characters is more likely a pattern. */
const STARRED = /^([\p{L}\p{N}_$-]*)\*([\p{L}\p{N}_$-]*)$/u

/** A star or brace that is part of a name is written with a backslash before it. */
const ESCAPED = /\\(?=[*{])/g

/** How a table is written that is named like a pattern. */
export function escapeName(name: string): string {
  return name.replaceAll(/[*{]/g, (character) => `\\${character}`)
}

/** Reads a name. Braces that hold neither a range, a list nor a form of date are part of the name. */
export function parsePattern(text: string): Pattern {
  const plain = text.replaceAll(ESCAPED, '')
  if (plain !== text) return { text, prefix: plain, suffix: '', kind: 'single', labels: [''] }
  const star = STARRED.exec(text)
  if (star) return { text, prefix: star[1]!, suffix: star[2]!, kind: 'any', labels: [] }
  const placeholders = [...text.matchAll(/\{([^{}]*)\}/g)].flatMap((match) => {
    const found = placeholderOf(match[1]!, text)
    return found === null ? [] : [{ ...found, at: match.index, length: match[0].length }]
  })
  const [placeholder, ...more] = placeholders
  if (placeholder === undefined) return { text, prefix: text, suffix: '', kind: 'single', labels: [''] }
  if (more.length > 0) throw malformed(text, 'has more than one varying place')
  const { kind, labels, at, length } = placeholder
  return { text, prefix: text.slice(0, at), suffix: text.slice(at + length), kind, labels }
}

/** The name with a label in its varying place. */
export function nameOf({ prefix, suffix }: Pattern, label: string): string {
  return prefix + label + suffix
}

/** The label that makes this name; null when none does. Labels of dates have the form's digits in their places. */
export function labelOf(pattern: Pattern, name: string): string | null {
  const { prefix, suffix, kind, labels } = pattern
  const fits = name.length >= prefix.length + suffix.length
  if (!fits || !name.startsWith(prefix) || !name.endsWith(suffix)) return null
  const label = name.slice(prefix.length, name.length - suffix.length)
  if (kind === 'any') return label
  if (kind !== 'date') return labels.includes(label) ? label : null
  return new RegExp(`^${labels[0]!.replaceAll(/[yMd]/g, '\\d')}$`).test(label) ? label : null
}

function placeholderOf(inside: string, text: string): Pick<Pattern, 'kind' | 'labels'> | null {
  const range = /^(\d+)\.\.(\d+)$/.exec(inside)
  if (range) return { kind: 'labels', labels: numbers(range[1]!, range[2]!, text) }
  if (inside.includes(',')) return { kind: 'labels', labels: list(inside, text) }
  return isDatePattern(inside) ? { kind: 'date', labels: [inside] } : null
}

/** `yyyy`, `yyyyMM`, `yyyyMMdd`, also with `_` or `-` between. */
export function isDatePattern(text: string): boolean {
  return /^yyyy(([_-]?)MM(\2dd)?)?$/.test(text)
}

/** Zeros in front of either end say that all numbers have as many digits as that one: `{00..15}`. */
function numbers(first: string, last: string, text: string): string[] {
  const [from, to] = [Number(first), Number(last)]
  if (from > to) throw malformed(text, `counts down from ${first} to ${last}`)
  if (to - from >= MOST_NAMES) throw malformed(text, `stands for more than ${MOST_NAMES} names`)
  const padded = [first, last].filter((digits) => digits.length > 1 && digits.startsWith('0'))
  const width = Math.max(0, ...padded.map((digits) => digits.length))
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(width, '0'))
}

function list(inside: string, text: string): string[] {
  const labels = inside.split(',')
  if (labels.includes('') || new Set(labels).size < labels.length) {
    throw malformed(text, 'has an empty name in its list, or the same one twice')
  }
  return labels
}

function malformed(text: string, fault: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `The pattern ${JSON.stringify(text)} ${fault}. A pattern has one {0..15}, {a,b} or {yyyyMM}; a source may have one * instead.`,
    { pattern: text },
  )
}
