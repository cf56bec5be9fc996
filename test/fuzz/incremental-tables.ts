// The tables of the incremental fuzz, and random statements on them.

/** Whole numbers below, and whether something of that chance happens. */
export interface Dice {
  below(n: number): number
  chance(part: number): boolean
}

/** Mulberry32: the same numbers for the same seed. */
export function diceOf(seed: number): Dice {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { below: (n) => Math.floor(next() * n), chance: (part) => next() < part }
}

export interface FuzzTable {
  readonly name: string
  readonly columns: string
  /** Of the source. */
  readonly options?: string
  readonly params: Readonly<Record<string, unknown>>
  /** One statement that changes rows; none touches what has no new time or no new id. */
  change(dice: Dice): string
}

const stamp = (type: string, digits = '') =>
  `${type}${digits} NOT NULL DEFAULT CURRENT_TIMESTAMP${digits} ON UPDATE CURRENT_TIMESTAMP${digits}`
const increment = { mode: 'increment', diff_column: 'u', worker_num: 2, read_batch: 40 }
const append = { mode: 'append', worker_num: 2, read_batch: 40 }
const TEXT = '0123456789abcdef'

function values(dice: Dice, row: () => string): string {
  const rows = dice.chance(0.1) ? 5 + dice.below(60) : 1 + dice.below(3)
  return Array.from({ length: rows }, row).join(',')
}

function changeById(name: string) {
  return (dice: Dice): string => {
    const v = dice.below(1000)
    // A statement that is slow before its first row has its time long before it has a transaction.
    const slow = dice.chance(0.03) ? `${v} + SLEEP(${1 + dice.below(3)})` : String(v)
    if (dice.chance(0.5)) return `INSERT INTO ${name} (v) VALUES ${values(dice, () => `(${slow})`)}`
    if (dice.chance(0.2)) return `REPLACE INTO ${name} (id, v) VALUES (${1 + dice.below(400)}, ${v})`
    const where = dice.chance(0.2)
      ? `BETWEEN ${dice.below(200)} AND ${200 + dice.below(40)}`
      : `= ${1 + dice.below(400)}`
    return `UPDATE ${name} SET v = v + 1 WHERE id ${where}`
  }
}

/** Changes of rows in a column that the server does not fill in: `now` is what it is to hold. */
function changeBy(name: string, now: string) {
  return (dice: Dice): string => {
    const v = dice.below(1000)
    if (dice.chance(0.5)) return `INSERT INTO ${name} (v, u) VALUES ${values(dice, () => `(${v}, ${now})`)}`
    if (dice.chance(0.2))
      return `REPLACE INTO ${name} (id, v, u) VALUES (${1 + dice.below(400)}, ${v}, ${now})`
    const where = dice.chance(0.2)
      ? `BETWEEN ${dice.below(200)} AND ${200 + dice.below(40)}`
      : `= ${1 + dice.below(400)}`
    return `UPDATE ${name} SET v = v + 1, u = ${now} WHERE id ${where}`
  }
}

function addTo(name: string) {
  return (dice: Dice): string => {
    const v = dice.below(1000)
    if (dice.chance(0.15)) return `INSERT INTO ${name} (v) SELECT v FROM ${name} LIMIT ${1 + dice.below(9)}`
    if (dice.chance(0.1)) return `SELECT COUNT(*) FROM ${name} WHERE id = ${dice.below(4000)} FOR UPDATE`
    return `INSERT INTO ${name} (v) VALUES ${values(dice, () => `(${v})`)}`
  }
}

export const tables: readonly FuzzTable[] = [
  {
    name: 'micro',
    columns: `id INT AUTO_INCREMENT PRIMARY KEY, v INT, u ${stamp('TIMESTAMP', '(6)')}, KEY (u)`,
    params: increment,
    change: changeById('micro'),
  },
  {
    name: 'seconds',
    columns: `id INT AUTO_INCREMENT PRIMARY KEY, v INT, u ${stamp('DATETIME')}, KEY (u)`,
    params: increment,
    change: changeById('seconds'),
  },
  {
    name: 'parts',
    columns: `id INT AUTO_INCREMENT PRIMARY KEY, v INT, u ${stamp('TIMESTAMP', '(3)')}, KEY (u)`,
    options: 'PARTITION BY HASH (id) PARTITIONS 4',
    params: increment,
    change: changeById('parts'),
  },
  {
    name: 'pairs',
    columns: `a INT, b INT, v INT, u ${stamp('DATETIME', '(6)')}, PRIMARY KEY (a, b), KEY (u, v)`,
    params: increment,
    change: (dice) =>
      dice.chance(0.5)
        ? `REPLACE INTO pairs (a, b, v) VALUES ${values(dice, () => `(${dice.below(20)}, ${dice.below(40)}, ${dice.below(1000)})`)}`
        : `UPDATE pairs SET v = v + 1 WHERE a = ${dice.below(20)}`,
  },
  {
    name: 'epochs',
    columns: 'id INT AUTO_INCREMENT PRIMARY KEY, v INT, u BIGINT NOT NULL, KEY (u)',
    params: { ...increment, diff_column: { src: 'u', type: 'epoch_ms' } },
    change: changeBy('epochs', "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000"),
  },
  {
    name: 'days',
    columns: 'id INT AUTO_INCREMENT PRIMARY KEY, v INT, u DATE NOT NULL, KEY (u)',
    params: increment,
    change: changeBy('days', 'CURRENT_DATE'),
  },
  {
    name: 'versions',
    columns: 'id INT AUTO_INCREMENT PRIMARY KEY, v INT, u BIGINT UNSIGNED NOT NULL, KEY (u)',
    params: { ...increment, diff_column: { src: 'u', type: 'version' } },
    // A higher number with every call, which no transaction gives back.
    change: changeBy('versions', 'UUID_SHORT()'),
  },
  {
    name: 'log',
    columns: 'id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT',
    params: append,
    change: addTo('log'),
  },
  {
    name: 'log_parts',
    columns: 'id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT',
    options: 'PARTITION BY HASH (id) PARTITIONS 3',
    params: append,
    change: addTo('log_parts'),
  },
  {
    name: 'log_second',
    columns: 'g CHAR(12) PRIMARY KEY, v INT, id INT NOT NULL AUTO_INCREMENT, UNIQUE KEY (id)',
    params: { ...append, pk: 'id' },
    change(dice) {
      const text = () => Array.from({ length: 12 }, () => TEXT[dice.below(16)]).join('')
      if (dice.chance(0.15)) return `SELECT COUNT(*) FROM log_second WHERE g = '${text()}' FOR UPDATE`
      return `INSERT INTO log_second (g, v) VALUES ${values(dice, () => `('${text()}', ${dice.below(1000)})`)}`
    },
  },
]
