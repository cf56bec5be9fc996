/** Whether splits hold every row once, whatever the key is like. */
import assert from 'node:assert/strict'
import type { Reader } from '../contract/plugin.js'
import type { ReadSpec, Split } from '../contract/read.js'
import type { ColumnKind } from '../contract/table-schema.js'
import type { SourceSuite } from './reading.js'
import { NEVER, reading, rowsIn } from './reading.js'
import { assertPlainJson } from './runner.js'
import type { WantedTable } from './tables.js'
import { counterKind, kindsOf, readSpec, wanted } from './tables.js'
import type { CellValue, Rows } from './values.js'
import { assertSameRows } from './values.js'

/** For people: the columns of its key, and what they hold. */
export function keyOf({ columns, key }: WantedTable): string {
  const named = columns.filter(({ name }) => key.includes(name))
  return named.map(({ name, kind, nullable }) => `${name} ${kind}${nullable ? ' or NULL' : ''}`).join(', ')
}

/** One of each way to be a key: sparse numbers, texts, several columns, and columns that may be NULL. */
export function keyedTables(suite: SourceSuite): WantedTable[] {
  if (suite.keys === false) return []
  const counter = counterKind(suite)
  const word = (i: number) => `${'bCaä z'[i % 6]}${i}`
  const sparse = Array.from({ length: 60 }, (_, i) => [String(i < 40 ? i : i * 1_000_000_007), word(i)])
  const negative = Array.from({ length: 30 }, (_, i) => [String(i - 15), null])
  const pairs = Array.from({ length: 60 }, (_, i) => [word(Math.floor(i / 11)), String(i % 11)])
  const tables = [
    wanted(
      [
        ['a', counter],
        ['b', 'text', 'nullable'],
      ],
      ['a'],
      sparse,
    ),
    wanted(
      [
        ['a', counter],
        ['b', 'text', 'nullable'],
      ],
      ['a'],
      negative,
    ),
    wanted(
      [
        ['a', 'text'],
        ['b', counter],
      ],
      ['a', 'b'],
      pairs,
    ),
    wanted(
      [
        ['b', counter],
        ['a', 'text'],
      ],
      ['a'],
      Array.from({ length: 50 }, (_, i) => [String(i), word(i)]),
    ),
  ]
  if (suite.keys === 'not null') return tables
  const nulls = Array.from({ length: 30 }, (_, i): CellValue[] => [i % 5 === 0 ? null : String(i), word(i)])
  return [
    ...tables,
    wanted(
      [
        ['a', counter, 'nullable'],
        ['b', 'text', 'nullable'],
      ],
      ['a'],
      nulls,
    ),
  ]
}

export async function dividesWholly(suite: SourceSuite, table: WantedTable): Promise<void> {
  const kinds = kindsOf(table)
  await reading(suite, await suite.make(table), async (reader) => {
    const spec = readSpec(await reader.describe(table.name))
    assert.ok(spec.key !== null, 'the key of the table is described, and its columns are ordered')
    const splits: Split[] = []
    const rows: CellValue[][] = []
    for await (const split of reader.split(spec, () => 7, NEVER)) {
      assertPlainJson(split, 'a split')
      splits.push(split)
    }
    assert.deepEqual(
      splits.map(({ index }) => index),
      splits.map((_, i) => i),
      'splits are numbered from 0',
    )
    assert.ok(splits.length > 2, `splits of 7 rows of ${table.rows.length}: ${splits.length}`)
    for (const split of splits) {
      const own = await rowsIn(reader.read(spec, split, NEVER), kinds)
      rows.push(...own)
      if (split.upper !== null) await dividesAgain(reader, spec, split, own, kinds)
    }
    assertSameRows(kinds, rows, table.rows, 'all splits together')
  })
}

async function dividesAgain(
  reader: Reader,
  spec: ReadSpec,
  range: Split,
  wantedRows: Rows,
  kinds: readonly ColumnKind[],
): Promise<void> {
  const rows: CellValue[][] = []
  const indexes: number[] = []
  for await (const part of reader.divide(spec, range, () => 3, NEVER)) {
    indexes.push(part.index)
    rows.push(...(await rowsIn(reader.read(spec, part, NEVER), kinds)))
  }
  assert.deepEqual(
    indexes,
    indexes.map((_, i) => i),
    'the parts of a split are numbered from 0',
  )
  assertSameRows(kinds, rows, wantedRows, `the parts of split ${range.index}`)
}
