import { createHash } from 'node:crypto'
import type { Column } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { charsetOf, isReversible } from './sql.js'

/** Code units in one question, so that it stays far below any `max_allowed_packet`. */
const BLOCK = 0x8000
const UNITS = 0x1_0000
const SURROGATES = [0xd800, 0xe000] as const
/** Of a digest, so that plans stay short. */
const DIGITS = 16
/** Most expressions in one question. */
const MOST = 1_000

/** Columns with what only their server can say: how it maps an encoding to Unicode, and which members of a list their text leads to. */
export async function askAboutTexts(session: Session, columns: readonly Column[]): Promise<Column[]> {
  try {
    const charsets = new Set(columns.map(ownCharset).filter((charset) => charset !== null))
    const mappings = await mappingsOf(session, [...charsets])
    const weights = await weightsOf(
      session,
      columns.filter(({ valueRange }) => valueRange.members !== undefined),
    )
    return columns.map((column) => {
      const { valueRange } = column
      const ambiguous = ambiguousMembers(column, weights)
      const mapping = mappings.get(ownCharset(column) ?? '')
      return {
        ...column,
        valueRange: {
          ...valueRange,
          ...(ambiguous.length === 0 ? {} : { ambiguous }),
          ...(mapping === undefined ? {} : { characters: { ...valueRange.characters!, mapping } }),
        },
      }
    })
  } catch (error) {
    throw mapError(error, `asking ${session.where} about its character sets`)
  }
}

/** The character set of a text that does not surely come back from UTF-8. */
function ownCharset(column: Column): string | null {
  const charset = charsetOf(column)
  return column.kind !== 'text' || charset === null || isReversible(charset) ? null : charset
}

const known = new WeakMap<Session, Map<string, string>>()

/** For each, a digest of the bytes that the server has for each character up to U+FFFF; those above are in sets of all of Unicode only. */
async function mappingsOf(
  session: Session,
  charsets: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const mappings = known.get(session) ?? new Map<string, string>()
  known.set(session, mappings)
  const missing = charsets.filter((charset) => !mappings.has(charset))
  if (missing.length === 0) return mappings
  const digests = missing.map((charset) => `SHA2(CONVERT(characters USING ${charset}), 256)`)
  const answers = missing.map(() => '')
  for (const hex of blocks()) {
    const [row] = await session.query(
      `SELECT ${digests.join(', ')} FROM (SELECT _ucs2 x'${hex}' AS characters) asked`,
    )
    row!.forEach((digest, i) => (answers[i]! += digest!))
  }
  for (const [i, charset] of missing.entries()) {
    mappings.set(charset, createHash('sha256').update(answers[i]!).digest('hex').slice(0, DIGITS))
  }
  return mappings
}

let allBlocks: readonly string[] | null = null

/** The characters up to U+FFFF, in UCS-2 as hexadecimal digits. */
function blocks(): readonly string[] {
  allBlocks ??= Array.from({ length: UNITS / BLOCK }, (_, block) => {
    const bytes = Buffer.alloc(2 * BLOCK)
    let length = 0
    for (let unit = block * BLOCK; unit < (block + 1) * BLOCK; unit++) {
      if (unit < SURROGATES[0] || unit >= SURROGATES[1]) length = bytes.writeUInt16BE(unit, length)
    }
    return bytes.toString('hex', 0, length)
  })
  return allBlocks
}

/** By SQL, the weight of each member: members with the same weight are equal under the column's collation. */
type Weights = ReadonlyMap<string, string>

const knownWeights = new WeakMap<Session, Map<string, string>>()

/** Of the members of all columns together: a table may have a thousand of them, and many tables the same ones. */
async function weightsOf(session: Session, columns: readonly Column[]): Promise<Weights> {
  const weights = knownWeights.get(session) ?? new Map<string, string>()
  knownWeights.set(session, weights)
  const all = columns.flatMap((column) =>
    column.valueRange.members!.map((member) => weightSql(column, member)),
  )
  const missing = [...new Set(all)].filter((sql) => !weights.has(sql))
  for (let from = 0; from < missing.length; from += MOST) {
    const some = missing.slice(from, from + MOST)
    const [row] = await session.query(`SELECT ${some.join(', ')}`)
    for (const [i, sql] of some.entries()) weights.set(sql, row![i] ?? '')
  }
  return weights
}

function weightSql(column: Column, member: string): string {
  const hex = Buffer.from(member).toString('hex')
  const text = `CONVERT(_utf8mb4 x'${hex}' USING ${charsetOf(column)!})`
  return `HEX(WEIGHT_STRING(${text} COLLATE ${column.collation}))`
}

/**
 * Members that are equal under the column's collation: a text leads to the first one only. The empty member of a SET is lost
 * between the commas.
 */
function ambiguousMembers(column: Column, weights: Weights): string[] {
  const { members, multiValued } = column.valueRange
  if (members === undefined) return []
  const byWeight = new Map<string, string[]>()
  for (const member of members) {
    const weight = weights.get(weightSql(column, member))!
    byWeight.set(weight, [...(byWeight.get(weight) ?? []), member])
  }
  const equal = [...byWeight.values()].filter(({ length }) => length > 1).flat()
  const empty = multiValued === true && members.includes('') && !equal.includes('') ? [''] : []
  return [...equal, ...empty]
}
