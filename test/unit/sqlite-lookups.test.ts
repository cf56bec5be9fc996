// What the SQLite plugin brings for lookups and ids: rows found by key, and sequences.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import type { ReadSpec } from '../../src/contract/plugin.js'
import { batch, collect, Fixture, NEVER, openReader, openWriter } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

/** The rows, sorted, that `find` yields for keys. */
async function find(path: string, key: string, ...keys: string[]): Promise<string[]> {
  const reader = openReader(path)
  await reader.connect()
  try {
    const table = await reader.describe('m')
    const named = (name: string) => table.columns.find((column) => column.name === name)!
    const limits = { bytes: 1 << 16, rows: 1000 }
    const spec: ReadSpec = {
      table,
      columns: [named(key), named('v')],
      key: null,
      splitRows: 1,
      batch: limits,
      where: null,
      window: null,
    }
    const batches = await collect(reader.skills.find!(spec, batch(...keys), NEVER))
    return batches.flatMap(({ bytes }) => bytes.toString().split('\n').slice(0, -1)).sort()
  } finally {
    await reader.close()
  }
}

describe('sqlite find', () => {
  it('yields the rows of integers, text and bytes', async () => {
    const path = fixture.create(
      `CREATE TABLE m (i INTEGER PRIMARY KEY, t TEXT, b BLOB, v TEXT);
       INSERT INTO m VALUES (1, 'a''b', x'0041', 'one'), (-2, 'é\tz', x'', NULL), (9223372036854775807, '', x'01', 'max')`,
    )
    expect(
      await find(path, 'i', '1', '-2', '9223372036854775807', '99999999999999999999', 'x) OR (1'),
    ).to.deep.equal(['-2\t\\N', '1\tone', '9223372036854775807\tmax'])
    expect(await find(path, 't', "a'b", 'é\\tz', '', 'nope')).to.deep.equal([
      '\tmax',
      "a'b\tone",
      'é\\tz\t\\N',
    ])
    expect((await find(path, 'b', '\\0A', '', '\x01')).length).to.equal(3)
  })

  it('takes any number of keys', async () => {
    const path = fixture.create('CREATE TABLE m (i INTEGER PRIMARY KEY, v INTEGER)', (database) => {
      const insert = database.prepare('INSERT INTO m VALUES (?, ?)')
      for (let i = 0; i < 5000; i++) insert.run(i, i * 2)
    })
    expect(await find(path, 'i', ...Array.from({ length: 3500 }, (_, i) => String(i + 2000)))).to.have.length(
      3000,
    )
  })
})

describe('sqlite sequences', () => {
  it('begin above what the table holds, give each number once and never go back', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (41)')
    const sequence = { name: 't.id', above: [{ table: 't', column: 'id' }] }
    const writers = [openWriter(path), openWriter(path)]
    for (const writer of writers) {
      await writer.connect()
      await writer.skills.sequences!.open(sequence)
    }
    const [a, b] = writers
    expect(await a!.skills.sequences!.take(sequence, 10)).to.equal('42')
    const blocks = [
      await a!.skills.sequences!.take(sequence, 5),
      await b!.skills.sequences!.take(sequence, 5),
    ]
    expect(blocks).to.deep.equal(['52', '57'])
    await b!.skills.sequences!.open(sequence)
    expect(await b!.skills.sequences!.take(sequence, 1)).to.equal('62')
    for (const writer of writers) await writer.close()
  })
})
