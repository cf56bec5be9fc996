// Inputs that nobody would write: made of a seed, so that each can be made again.

/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }
}

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', '*', '\0']
const WORDS = [
  'a',
  'id',
  'v',
  't',
  '0',
  '1',
  '-1',
  '1e9',
  '1e400',
  '-0',
  'NaN',
  'null',
  'true',
  '{}',
  '[]',
  '"',
  "'",
  '`',
  '${HOME}',
  '${',
  '$${',
  '${}',
  '{0..3}',
  '{a,b}',
  '{yyyy}',
  '{',
  '}',
  '{0..99999999}',
  '{9..1}',
  'log_*',
  '\\',
  '%',
  '%zz',
  '%00',
  '\0',
  '\n',
  '\t',
  '\ud800',
  '\udc00',
  '😀',
  '\ufeff',
  '\u202e',
  '中',
  ' ',
  '  ',
  '2024-05-01',
  '99999999999999999999',
  '0.1',
  '1.',
  '.5',
  '1e-9',
  '0x10',
  '--',
  '/*',
  ';',
  '://',
  '@',
  ':',
  'int',
  'decimal(9,2)',
  'varchar(99999999999)',
  'constructor',
  '{id}',
  '{{',
  'a.b',
  '../..',
  '?',
  '#',
  '&table=',
]
/** Long enough that what takes the square of it, or a stack of it, is noticed. */
const LONG = 130_000

export function text(random: Random): string {
  if (random.once(600)) return random.pick(WORDS).repeat(LONG)
  if (random.once(6)) return random.pick(NAMES)
  const pieces = random.list(5, () =>
    random.once(8) ? String.fromCharCode(random.below(0x10000)) : random.pick(WORDS),
  )
  return pieces.join('')
}

/** Any JSON, with these names among its keys. */
export function json(random: Random, names: readonly string[], depth = 4): unknown {
  if (random.once(4000)) return nested(20_000)
  if (random.once(4000)) return Array.from({ length: LONG }, () => random.pick([1, null, 'a']))
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return text(random)
    case 1:
      return random.pick([0, 1, -1, 1.5, 4, 64, 1e9, 1e300, 2 ** 53, -(2 ** 63), 0.1])
    case 2:
      return random.pick([true, false, null])
    case 3:
      return random.pick(WORDS)
    case 4:
      return random.pick(names)
    case 5:
      return random.list(4, () => json(random, names, depth - 1))
    default:
      return object(random, names, depth)
  }
}

function object(random: Random, names: readonly string[], depth: number): object {
  const keys = random.list(5, () => (random.once(4) ? text(random) : random.pick(names)))
  // Also `__proto__` is a key like others.
  return Object.fromEntries(keys.map((key) => [key, json(random, names, depth - 1)]))
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value }
  return value
}

/** A valid value with one part, or a few, replaced by something else. */
export function changed(random: Random, value: unknown, names: readonly string[]): unknown {
  if (random.once(6) || typeof value !== 'object' || value === null) return json(random, names, 3)
  const entries = Object.entries(value)
  const at = random.below(entries.length + 1)
  if (at === entries.length) entries.push([random.pick(names), json(random, names, 3)])
  else entries[at] = [entries[at]![0], changed(random, entries[at]![1], names)]
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

/** A text with a few of its characters replaced, taken away or repeated. */
export function mangled(random: Random, whole: string): string {
  let mangled = whole
  for (let i = random.below(4); i >= 0; i--) {
    const at = random.below(mangled.length + 1)
    const instead = random.once(3) ? '' : text(random)
    mangled = mangled.slice(0, at) + instead + mangled.slice(at + random.below(3))
  }
  return mangled
}

/** As JSON, of which a stack may not be deep enough to make any. */
export function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    return `${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}`
  }
}
