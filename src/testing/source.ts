import assert from 'node:assert/strict'
import { misfit } from '../wire/cell-syntax.js'
import type { SourceSuite } from './reading.js'
import { batchesIn, NEVER, readAll, reading, rowsIn, splitsOf } from './reading.js'
import type { Runner } from './runner.js'
import { assertHas, assertPlainJson, failsWith, runnerOf } from './runner.js'
import { assertSkills, readerSkills } from './skill-check.js'
import { dividesWholly, keyedTables, keyOf } from './splitting.js'
import type { WantedTable } from './tables.js'
import {
  batchesOf,
  counterKind,
  endpointAt,
  kindsOf,
  numbered,
  readSpec,
  valuesOf,
  wanted,
} from './tables.js'
import type { Rows } from './values.js'
import { assertSameRows } from './values.js'

/** So many bytes in one split that no reader has all of them at hand after the first batch. */
const MANY = 3_000
const WIDE: Rows = numbered(MANY).map(([number, text]) => [number!, String(text).repeat(100)])

/** Checks that the plugin reads as the contract says. */
export function describeSource(name: string, suite: SourceSuite, runner?: Runner): void {
  const { describe, it } = runnerOf(runner)
  assertHas(suite.plugin, 'createReader')
  const counter = counterKind(suite)
  const key = suite.keys === false ? [] : ['a']
  const counted = (rows: Rows) =>
    wanted(
      [
        ['a', counter],
        ['b', 'text', 'nullable'],
      ],
      key,
      rows,
    )

  describe(`${name} as a source`, () => {
    it('describes its tables', () => describes(suite, counted([['1', 'x']])))

    it('throws TABLE_NOT_FOUND for a table that is not there', async () => {
      // Where a connection leads to one table, whatever it is called is that one.
      if (suite.plugin.defaultTable) return
      const connection = await suite.make(counted([]))
      await reading(suite, connection, (reader) =>
        failsWith('TABLE_NOT_FOUND', () => reader.describe('conformance_not_there')),
      )
    })

    for (const kind of suite.kinds) {
      it(`reads each value of kind ${kind}, and NULL, exactly as it is, in cells of its form`, async () => {
        const rows = [...valuesOf(suite, kind), null].map((value, i) => [String(i), value])
        await readsBack(
          suite,
          wanted(
            [
              ['a', counter],
              ['b', kind, 'nullable'],
            ],
            key,
            rows,
          ),
        )
      })
    }

    it('reads the columns that are asked for, in that order', async () => {
      const table = counted([
        ['1', 'x'],
        ['2', null],
      ])
      await reading(suite, await suite.make(table), async (reader) => {
        const spec = readSpec(await reader.describe(table.name))
        const columns = [...spec.columns].reverse()
        const rows = await readAll(reader, { ...spec, columns }, ['text', counter])
        assertSameRows(
          ['text', counter],
          rows,
          [
            ['x', '1'],
            [null, '2'],
          ],
          'columns in another order',
        )
      })
    })

    it('keeps to the limits of batches', async () => {
      const table = counted(numbered(25))
      await reading(suite, await suite.make(table), async (reader) => {
        const schema = await reader.describe(table.name)
        for (const limits of [
          { bytes: 1 << 19, rows: 10 },
          { bytes: 40, rows: 1_000 },
        ]) {
          const batches = await batchesIn(reader, readSpec(schema, limits))
          for (const { bytes, rows } of batches) {
            // The row that fills a batch may go beyond its bytes.
            const before = bytes.subarray(0, bytes.lastIndexOf('\n', bytes.length - 2) + 1)
            assert.ok(
              rows <= limits.rows && before.length < limits.bytes,
              `${rows} rows in ${bytes.length} bytes`,
            )
          }
        }
      })
    })

    it('has one split for a table without a key, and none for an empty table with one', async () => {
      const plain = wanted([['a', counter]], [], [['1']])
      assert.deepEqual(await splitsOf(suite, plain), [{ index: 0, lower: null, upper: null }])
      if (suite.keys !== false) assert.deepEqual(await splitsOf(suite, counted([])), [])
    })

    for (const table of keyedTables(suite)) {
      it(`divides a table into splits that hold each row once: ${keyOf(table)}`, () =>
        dividesWholly(suite, table))
    }

    it('reads again on the same connection after a read that was stopped early', async () => {
      const table = counted(WIDE)
      await reading(suite, await suite.make(table), async (reader) => {
        const spec = readSpec(await reader.describe(table.name))
        for await (const split of reader.split(spec, () => MANY, NEVER)) {
          for await (const batch of reader.read(spec, split, NEVER)) {
            assert.ok(batch.rows > 0)
            break
          }
          break
        }
        const again = await readAll(reader, spec, kindsOf(table), MANY)
        assertSameRows(kindsOf(table), again, table.rows, 'the second read')
      })
    })

    it('ends a read with INTERRUPTED when the signal aborts', async () => {
      const table = counted(WIDE)
      await reading(suite, await suite.make(table), async (reader) => {
        const spec = readSpec(await reader.describe(table.name))
        const stop = new AbortController()
        await failsWith('INTERRUPTED', async () => {
          for await (const split of reader.split(spec, () => MANY, NEVER)) {
            for await (const batch of reader.read(spec, split, stop.signal)) if (batch.rows > 0) stop.abort()
          }
        })
      })
    })

    it('lets several readers of different threads read at the same time', async () => {
      const table = counted(numbered(100))
      const connection = await suite.make(table)
      const all = [1, 2, 3].map(() =>
        reading(suite, connection, async (reader) => {
          const spec = readSpec(await reader.describe(table.name))
          assertSameRows(
            kindsOf(table),
            await readAll(reader, spec, kindsOf(table)),
            table.rows,
            'one of three readers',
          )
        }),
      )
      await Promise.all(all)
    })

    it('finds the rows of given keys, if it can', async () => {
      const table = counted(numbered(50))
      await reading(suite, await suite.make(table), async (reader) => {
        if (reader.skills.find === undefined) return
        const spec = readSpec(await reader.describe(table.name))
        const [keys] = batchesOf([['7'], ['49'], ['999']])
        const found = await rowsIn(reader.skills.find(spec, keys!, NEVER), kindsOf(table))
        assertSameRows(
          kindsOf(table),
          found,
          [table.rows[7]!, table.rows[49]!],
          'the rows that were looked for',
        )
      })
    })

    it('shows a snapshot to every reader that joins it, also when it is released, if it has any', async () => {
      const table = counted(numbered(25))
      const connection = await suite.make(table)
      await reading(suite, connection, (one) =>
        reading(suite, connection, async (other) => {
          const { snapshot } = one.skills
          if (snapshot === undefined) return
          const begun = await snapshot.begin([table.name], NEVER)
          assert.ok(begun.token === null || typeof begun.token === 'string', 'a token is a text, or null')
          for (const reader of [one, other]) await reader.skills.snapshot!.join(begun.token)
          await begun.release()
          for (const reader of [one, other]) {
            const rows = await readAll(reader, readSpec(await reader.describe(table.name)), kindsOf(table))
            assertSameRows(kindsOf(table), rows, table.rows, 'the rows of a snapshot')
          }
        }),
      )
    })

    it('has skills that the engine asks for, each of them whole', async () => {
      const reader = suite.plugin.createReader!(endpointAt(await suite.make(counted([]))))
      assertSkills(reader.skills, readerSkills)
      await reader.close()
    })

    it('closes when it was never opened, and twice', async () => {
      const connection = await suite.make(counted([]))
      await suite.plugin.createReader!(endpointAt(connection)).close()
      await reading(suite, connection, (reader) => reader.close())
    })
  })
}

async function describes(suite: SourceSuite, table: WantedTable): Promise<void> {
  const connection = await suite.make(table)
  const other = wanted([['a', counterKind(suite)]], [])
  const otherConnection = await suite.make(other)
  await reading(suite, connection, async (reader) => {
    const schema = await reader.describe(table.name)
    assertPlainJson(schema, 'a table')
    const columns = schema.columns.map((column) => [column.name, column.kind, column.generated])
    assert.deepEqual(
      columns,
      table.columns.map((column) => [column.name, column.kind, false]),
    )
    if (suite.keys !== false) {
      assert.deepEqual(
        schema.columns.map(({ nullable }) => nullable),
        [false, true],
      )
      assert.deepEqual(
        schema.keys.map((unique) => [unique.columns, unique.primary, unique.nullable]),
        [[['a'], true, false]],
      )
    }
    assert.equal((await reader.describe(table.name)).identity, schema.identity, 'the identity of one table')
    const all = await reader.skills.describeAll?.([table.name, 'conformance_not_there'])
    for (const [name, found] of all ?? [])
      assert.deepEqual(found, name === table.name ? schema : null, `${name}, among other tables`)
    await reading(suite, otherConnection, async (another) => {
      const { identity } = await another.describe(other.name)
      assert.notEqual(identity, schema.identity, 'the identities of two tables')
    })
    assert.equal(typeof suite.plugin.describeConnection(connection), 'string')
  })
}

/** Reads the whole table and compares, values and how they are written. */
async function readsBack(suite: SourceSuite, table: WantedTable): Promise<void> {
  const kinds = kindsOf(table)
  await reading(suite, await suite.make(table), async (reader) => {
    const spec = readSpec(await reader.describe(table.name))
    assert.deepEqual(
      spec.columns.map(({ kind }) => kind),
      kinds,
      'the kinds of the columns',
    )
    const rows = await readAll(reader, spec, kinds)
    assertSameRows(kinds, rows, table.rows, `values of kind ${kinds.at(-1)}`)
    for (const row of rows) {
      const cells = row.map((value) => (value === null ? null : Buffer.from(value)))
      assert.equal(misfit(spec.columns, cells), null)
    }
  })
}
