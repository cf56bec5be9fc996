import fc, { type Arbitrary } from 'fast-check'
import { PAIRS, pathsInto } from './cases.js'
import { randomType, type RandomType } from './random-column.js'
import type { MysqlKind } from './servers.js'

/** A table, how it is copied, and between which servers. */
export interface RandomTable {
  readonly from: MysqlKind
  readonly to: MysqlKind
  /** The target is made by the same statement. */
  readonly create: string
  /** Rows that break a unique key are left out by IGNORE; what the source then holds is what must arrive. */
  readonly insert: string
  readonly params: Readonly<Record<string, unknown>>
  /** Gives one row another value in one column, unless the value is the same or breaks a unique key. */
  readonly change: string
}

interface RandomColumn {
  readonly name: string
  readonly type: RandomType
  readonly nullable: boolean
}

/** Unquoted `c0`, or with what names should not but may have. */
const SUFFIXES = ['', '', '', ' ', '`', "'", '"', '\\', '数', '.', '/**/', '@', '?'] as const
const MAX_COLUMNS = 12
const MAX_ROWS = 40
const MAX_KEY = 3

const columns: Arbitrary<RandomColumn[]> = fc
  .array(fc.record({ type: randomType, nullable: fc.boolean(), suffix: fc.constantFrom(...SUFFIXES) }), {
    minLength: 1,
    maxLength: MAX_COLUMNS,
  })
  .map((all) =>
    all.map(({ suffix, ...column }, i) => ({
      ...column,
      name: `\`${`c${i}${suffix}x`.replaceAll('`', '``')}\``,
    })),
  )

const params = fc.record(
  {
    read_batch: fc.integer({ min: 1, max: 20 }),
    write_batch: fc.integer({ min: 1, max: 20 }),
    worker_num: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ['worker_num'] },
)

export const randomTable: Arbitrary<RandomTable> = fc
  .tuple(fc.constantFrom(...PAIRS), columns, params)
  .chain(([[from, to], all, chosen]) => {
    const respells = from === 'mariadb' && to === 'mysql'
    const used = all.filter(({ type }) => !(respells && type.json))
    return used.length === 0 ? fc.constant(null) : filled(from, to, used, chosen)
  })
  .filter((table) => table !== null)

function filled(
  from: MysqlKind,
  to: MysqlKind,
  used: readonly RandomColumn[],
  chosen: RandomTable['params'],
): Arbitrary<RandomTable> {
  const cells = used.map(({ type, nullable }) =>
    nullable ? fc.option(type.value, { nil: 'NULL', freq: 5 }) : type.value,
  )
  const rows = fc.array(fc.tuple(...cells), { maxLength: MAX_ROWS })
  const change = fc
    .integer({ min: 0, max: used.length - 1 })
    .chain((i) => cells[i]!.map((value) => `UPDATE IGNORE t SET ${used[i]!.name} = ${value} LIMIT 1`))
  const path = fc.constantFrom(...pathsInto(to))
  return fc.tuple(keys(used), rows, change, path).map(([definitions, values, changed, write_path]) => ({
    from,
    to,
    create: `CREATE TABLE t (${[...used.map(definition), ...definitions].join(',\n  ')}) DEFAULT CHARSET=utf8mb4`,
    insert:
      values.length === 0
        ? ''
        : `INSERT IGNORE INTO t VALUES\n${values.map((row) => `(${row.join(', ')})`).join(',\n')}`,
    params: { ...chosen, write_path },
    change: changed,
  }))
}

function definition({ name, type, nullable }: RandomColumn): string {
  // Without a default of its own, MySQL and MariaDB differ in what a TIMESTAMP that is NOT NULL gets.
  const given = type.sql.startsWith('TIMESTAMP') && !nullable ? " DEFAULT '2001-01-01'" : ''
  return `${name} ${type.sql}${nullable ? ' NULL' : ' NOT NULL'}${given}`
}

/** None, a primary key, a unique key that may hold NULL, or both. */
function keys(used: readonly RandomColumn[]): Arbitrary<string[]> {
  const names = (some: readonly RandomColumn[]) => some.map(({ name }) => name).join(', ')
  const indexable = used.filter(({ type }) => type.indexable)
  const strict = indexable.filter(({ nullable }) => !nullable)
  const list = (from: readonly RandomColumn[]) =>
    from.length === 0
      ? fc.constant<RandomColumn[]>([])
      : fc.shuffledSubarray([...from], { minLength: 0, maxLength: Math.min(MAX_KEY, from.length) })
  return fc
    .tuple(list(strict), list(indexable))
    .map(([primary, unique]) => [
      ...(primary.length > 0 ? [`PRIMARY KEY (${names(primary)})`] : []),
      ...(unique.length > 0 ? [`UNIQUE KEY u (${names(unique)})`] : []),
    ])
}
