import type { Characters, Column, ValueRange } from '../contract/plugin.js'
import { counted } from '../wire/counted.js'

const SHOWN_MEMBERS = 5

/** What texts of one column lose in another. */
export function textLosses({ valueRange: from }: Column, { valueRange: to }: Column): string[] {
  if (to.members !== undefined) return memberLosses(from, to)
  // Being of another form is a loss by itself; those of the form fit.
  if (to.subtypes !== undefined) return []
  const losses: string[] = []
  if (to.maxChars !== undefined && mostChars(from) > to.maxChars) {
    losses.push(`text longer than ${counted(to.maxChars, 'character')}`)
  }
  if (to.maxBytes !== undefined && mostBytes(from, to.characters) > to.maxBytes) {
    losses.push(`text of more than ${counted(to.maxBytes, 'byte')}`)
  }
  if (!holds(to.characters, from.characters)) losses.push(`characters outside ${nameOf(to.characters!)}`)
  if (
    to.stripsTrailingSpaces &&
    !from.stripsTrailingSpaces &&
    from.members === undefined &&
    from.subtypes === undefined
  ) {
    losses.push('spaces at the end')
  }
  return losses
}

function memberLosses(from: ValueRange, to: ValueRange): string[] {
  if (from.members === undefined) return ['text that is not a member of the target']
  const taken = new Set(to.members!.filter((member) => to.ambiguous?.includes(member) !== true))
  const missing = from.members.filter((member) => !taken.has(member))
  const losses: string[] = []
  if (from.multiValued && !to.multiValued) losses.push('sets of other than one member')
  if (to.multiValued && !from.multiValued && from.members.includes(''))
    losses.push('the member that is empty')
  if (missing.length > 0) {
    const shown = missing.slice(0, SHOWN_MEMBERS).map((member) => JSON.stringify(member))
    const more = missing.length > SHOWN_MEMBERS ? ` and ${missing.length - SHOWN_MEMBERS} more` : ''
    losses.push(`the members ${shown.join(', ')}${more}, missing in the target`)
  }
  return losses
}

function mostChars({ maxChars, maxBytes }: ValueRange): number {
  return maxChars ?? maxBytes ?? Infinity
}

/** The bytes that the longest text of `from` takes in the encoding of another column. */
function mostBytes(from: ValueRange, characters: Characters | undefined): number {
  const own = from.characters
  if (own !== undefined && own.encoding === characters?.encoding) {
    return from.maxBytes ?? mostChars(from) * own.maxBytes
  }
  return mostChars(from) * (characters?.maxBytes ?? 4)
}

/** Every character set is part of Unicode, has ASCII, and all but Unicode itself stay within U+FFFF. */
function holds(to: Characters | undefined, from: Characters | undefined): boolean {
  const coverage = from?.coverage ?? 'unicode'
  switch (to?.coverage) {
    case undefined:
    case 'unicode':
    case coverage:
      return true
    case 'bmp':
      return coverage !== 'unicode'
    default:
      return coverage === 'ascii'
  }
}

function nameOf({ coverage }: Characters): string {
  return coverage === 'bmp' ? 'the first 65,536 (emoji, for instance)' : coverage
}

/** What byte strings of one column lose in another. */
export function byteLosses({ valueRange: from }: Column, { valueRange: to }: Column): string[] {
  if (to.maxBits !== undefined) {
    const bits = from.maxBits ?? (from.maxBytes ?? Infinity) * 8
    return bits > to.maxBits ? [`more than ${to.maxBits} bits`] : []
  }
  const losses: string[] = []
  const length = from.maxBits === undefined ? (from.maxBytes ?? Infinity) : Math.ceil(from.maxBits / 8)
  if (to.maxBytes === undefined) return losses
  if (length > to.maxBytes) losses.push(`more than ${counted(to.maxBytes, 'byte')}`)
  const fixed = from.padded || from.maxBits !== undefined
  if (to.padded && !(fixed && length >= to.maxBytes)) {
    losses.push(`the length: what is shorter than ${counted(to.maxBytes, 'byte')} is padded with zeros`)
  }
  return losses
}
