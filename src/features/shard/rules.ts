/** Which shard a row belongs to: pure functions of its cells. docs/sharding.md defines them for users. */
import type { Cells } from '../../wire/row-name.js'
import type { DateRule, HashRule, RangeRule, Sharding, ShardRule } from '../../contract/sharding.js'
import type { ColumnKind } from '../../contract/table-schema.js'
import { orderOf } from './bounds.js'
import { crc32, javaHash, murmur3 } from './hash.js'

/** The shard's number, from 0 on; or its label, for dates; or null: no shard is for this row. */
export type Locate = (cells: Cells) => number | string | null

/** Where a rule finds what it looks at. */
export interface ShardCell {
  /** Position among the cells of a row. */
  readonly at: number
  readonly kind: ColumnKind
}

/** The rules for databases and tables, or the one for both. */
export function rulesOf(rule: Sharding['rule']): readonly ShardRule[] {
  return 'database' in rule ? [rule.database, rule.table] : [rule]
}

/** The columns that rules look at. */
export function columnsOf(rule: Sharding['rule']): readonly string[] {
  return rulesOf(rule).flatMap((each) => ('by' in each ? each.by : []))
}

/** `cells` are those of `rule.by`, or the one of `rule.sql`; `count` is how many shards there are to choose from. */
export function locator(rule: ShardRule, cells: readonly ShardCell[], count: number): Locate {
  if ('hash' in rule) return byHash(rule, cells, count)
  if ('sql' in rule) return byNumber(cells[0]!, count)
  return 'range' in rule ? byRange(rule, cells[0]!, count) : byDate(rule, cells[0]!)
}

/** Why no shard is for a row that holds this, for people. */
export function whyNowhere(rule: ShardRule): string {
  if ('hash' in rule) {
    return rule.hash === 'modulo' ? 'modulo needs a whole number' : 'NULL has no shard'
  }
  if ('sql' in rule) return 'the expression must give the number of a shard, counted from 0'
  if ('range' in rule) return `it is NULL, or not below the last bound ${rule.range.at(-1)!}`
  return `it has no ${rule.date}`
}

function byHash({ hash, sign, separator }: HashRule, cells: readonly ShardCell[], count: number): Locate {
  const text = textOf(cells, separator)
  if (hash === 'modulo') return (row) => modulo(text(row), count, sign === 'abs')
  const numberOf = HASHES[hash]
  return (row) => {
    const bytes = text(row)
    return bytes === null ? null : floored(signed(numberOf(bytes), sign) % count, count)
  }
}

const HASHES = {
  crc32,
  murmur3: (bytes: Buffer) => murmur3(bytes),
  java_hash: (bytes: Buffer) => javaHash(bytes.toString()),
}

/** The 32 bits of a hash as the number that `sign` makes of them. */
function signed(hash: number, sign: HashRule['sign']): number {
  switch (sign) {
    case 'unsigned':
      return hash >>> 0
    case 'mask':
      return hash & 0x7fffffff
    case 'abs':
      return Math.abs(hash | 0)
    case 'floor':
      return hash | 0
    default:
      return sign satisfies never
  }
}

/** The mathematical remainder, or that of the absolute value. */
function modulo(bytes: Buffer | null, count: number, absolute: boolean): number | null {
  const text = bytes?.toString('latin1') ?? ''
  if (!/^[+-]?\d+$/.test(text)) return null
  // Numbers of 15 digits are exact.
  const rest = text.length <= 15 ? Number(text) % count : Number(BigInt(text) % BigInt(count))
  return absolute ? Math.abs(rest) : floored(rest, count)
}

/** The remainder as mathematics has it, from 0 on; JavaScript's has the sign of what was divided. */
function floored(rest: number, count: number): number {
  return rest < 0 ? rest + count : Math.abs(rest)
}

/** What is hashed: the text of the cells. Integers are written without zeros in front, as the target will show them. */
function textOf(cells: readonly ShardCell[], separator: string): (row: Cells) => Buffer | null {
  const [first, ...more] = cells
  const one = ({ at, kind }: ShardCell) => {
    return (row: Cells): Buffer | null => {
      const cell = row[at] ?? null
      return kind === 'integer' && cell !== null ? plainInteger(cell) : cell
    }
  }
  if (more.length === 0) return one(first!)
  const parts = cells.map(one)
  const between = Buffer.from(separator)
  return (row) => {
    const texts: Buffer[] = []
    for (const part of parts) {
      const text = part(row)
      if (text === null) return null
      if (texts.length > 0) texts.push(between)
      texts.push(text)
    }
    return Buffer.concat(texts)
  }
}

const ZERO = 0x30
const NINE = 0x39

function plainInteger(cell: Buffer): Buffer {
  const first = cell[0]!
  const plain = cell.length === 1 || (first > ZERO && first <= NINE)
  if (plain) return cell
  const [, sign = '', digits = ''] = /^([+-]?)0*(\d+)$/.exec(cell.toString('latin1')) ?? []
  if (digits === '') return cell
  return Buffer.from(sign === '-' && digits !== '0' ? `-${digits}` : digits)
}

function byRange({ range }: RangeRule, { at, kind }: ShardCell, count: number): Locate {
  const { parse, below } = orderOf(kind)!
  const bounds = range.map((bound) => parse(Buffer.from(bound)))
  return (row) => {
    const cell = row[at] ?? null
    const value = cell === null ? null : parse(cell)
    if (value === null) return null
    let [low, high] = [0, bounds.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (below(value, bounds[middle]!)) high = middle
      else low = middle + 1
    }
    return low < count ? low : null
  }
}

/** Also with a fraction of zeros, which a division may leave. */
function byNumber({ at }: ShardCell, count: number): Locate {
  return (row) => {
    const [, digits] = /^0*(\d+)(?:\.0*)?$/.exec(row[at]?.toString('latin1') ?? '') ?? []
    const number = Number(digits)
    return number < count ? number : null
  }
}

function byDate({ date }: DateRule, { at }: ShardCell): Locate {
  return (row) => {
    const cell = row[at] ?? null
    if (cell === null) return null
    const [match, year, month, day] =
      /^(\d{4})-(\d\d)-(\d\d)(?![\d-])/.exec(cell.toString('latin1', 0, 11)) ?? []
    const real = match !== undefined && year !== '0000' && inRange(month!, 12)
    if (!real || (date.includes('dd') && !inRange(day!, 31))) return null
    return date.replace('yyyy', year!).replace('MM', month!).replace('dd', day!)
  }
}

function inRange(digits: string, most: number): boolean {
  return digits !== '00' && Number(digits) <= most
}
