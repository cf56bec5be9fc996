import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import type { Batch, ColumnKind } from '../../src/contract/plugin.js'
import { Database } from '../support/database.js'
import {
  batch,
  batchesOf,
  failure,
  Fixture,
  makePlan,
  NEVER,
  writeOptions,
  openReader,
  openWriter,
} from './sqlite-fixture.js'

describe('sqlite writer refuses', function () {
  this.timeout(60_000)
  const fixture = new Fixture()
  after(() => fixture.remove())

  /** Writes wire rows into a table whose source columns are of `kinds`; returns the error and what the table holds. */
  async function refused(
    ddl: string,
    kinds: readonly ColumnKind[],
    rows: readonly string[],
    more?: WriteMore,
  ) {
    const path = fixture.create(ddl)
    const work = write(path, kinds, batchesOf(batch(...rows)), more)
    const error = await failure(work)
    const database = new Database(path)
    const held = database.value('SELECT count(*) FROM t')
    database.close()
    return { error, held }
  }

  interface WriteMore {
    readonly signal?: AbortSignal
    readonly session?: readonly string[]
  }

  async function write(
    path: string,
    kinds: readonly ColumnKind[],
    batches: AsyncIterable<Batch>,
    more: WriteMore = {},
  ) {
    const reader = openReader(path)
    const writer = openWriter(path, more.session)
    try {
      await reader.connect()
      await writer.connect()
      const plan = await makePlan(reader, writer, 't', 't')
      const columns = plan.write.columns.map((mapping, i) => ({
        ...mapping,
        source: { ...mapping.source, kind: kinds[i]! },
      }))
      const changed = { ...plan.write, columns }
      const written = await writer.write(changed, batches, { ...writeOptions, signal: more.signal ?? NEVER })
      return written.rowsWritten
    } finally {
      await reader.close()
      await writer.close()
    }
  }

  const unstorable: readonly (readonly [string, ColumnKind, string])[] = [
    ['BIGINT', 'integer', '18446744073709551615'],
    ['NUMERIC', 'integer', '9223372036854775808'],
    ['REAL', 'integer', '9007199254740993'],
    ['INTEGER', 'integer', 'abc'],
    ['DECIMAL(30, 10)', 'decimal', '1234567890123456.7891'],
    ['DECIMAL(30)', 'decimal', '12345678901234567890'],
    ['REAL', 'decimal', '9007199254740993'],
    ['REAL', 'float', '1e400'],
    ['INTEGER', 'text', '007'],
    ['INTEGER', 'text', ' 7'],
    ['NUMERIC', 'text', '1e2'],
    ['NUMERIC', 'text', '7\\0'],
    ['DATE', 'json', '1.10'],
    ['REAL', 'text', '+1'],
  ]
  for (const [type, kind, cell] of unstorable) {
    it(`the ${kind} ${cell} for a column of type ${type}`, async () => {
      const { error, held } = await refused(
        `CREATE TABLE t (id INTEGER PRIMARY KEY, v ${type})`,
        ['integer', kind],
        ['1\t\\N', `2\t${cell}`],
      )
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.message).to.include('"t"').and.include('Column v').and.include('id = "2"')
      expect(error.details).to.include({ table: 't', column: 'v' })
      expect(held).to.equal(0)
    })
  }

  it('nothing of these: the same values fit into TEXT', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)')
    const rows = unstorable.map(([, , cell], i) => `${i}\t${cell}`)
    expect(await write(path, ['integer', 'decimal'], batchesOf(batch(...rows)))).to.equal(rows.length)
    const database = new Database(path)
    const values = database.column('SELECT CAST(v AS BLOB) FROM t ORDER BY id') as Uint8Array[]
    database.close()
    expect(values.map((value) => Buffer.from(value).toString())).to.deep.equal(
      unstorable.map(([, , cell]) => cell.replace('\\0', '\0')),
    )
  })

  it('a second row with the same key, wherever it comes in a large batch', async () => {
    for (const at of [0, 63, 64, 300]) {
      const rows = Array.from({ length: 301 }, (_, i) => `${i === at ? 500 : i}\tx${i}`)
      const ddl =
        "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, v TEXT); INSERT INTO t VALUES (500, 'old')"
      const { error, held } = await refused(ddl, ['integer', 'text'], rows)
      expect(error.code).to.equal('DUPLICATE_KEY')
      expect(error.message).to.include('UNIQUE constraint failed: t.id').and.include('row with id = "500"')
      expect(held).to.equal(1)
    }
  })

  it('a second row with the same unique key, and names that key', async () => {
    const ddl =
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT, UNIQUE (a, b)); INSERT INTO t VALUES (1, 'x', 2)"
    const { error } = await refused(ddl, ['integer', 'text', 'integer'], ['5\tx\t2'])
    expect(error.code).to.equal('DUPLICATE_KEY')
    expect(error.message).to.include('Its a is "x". Its b is "2".')
    expect(error.details['columns']).to.deep.equal(['a', 'b'])
  })

  it('NULL for a NOT NULL column', async () => {
    const ddl = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'x')"
    const { error, held } = await refused(ddl, ['integer', 'text'], ['1\ta', '2\t\\N'])
    expect(error.code).to.equal('DATA_REJECTED')
    expect(error.message).to.include('NOT NULL constraint failed: t.v').and.include('id = "2"')
    expect(error.message).to.include('Its v is NULL.')
    expect(held).to.equal(0)
  })

  it('NULL for an INTEGER PRIMARY KEY, which SQLite would number', async () => {
    for (const constraint of ['', 'NOT NULL']) {
      const { error } = await refused(
        `CREATE TABLE t (id INTEGER PRIMARY KEY ${constraint}, v TEXT)`,
        ['integer', 'text'],
        ['\\N\ta'],
      )
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.details).to.include({ column: 'id' })
    }
  })

  it('what a CHECK or a STRICT table refuses', async () => {
    const check = await refused(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, CONSTRAINT small CHECK (v < 5))',
      ['integer', 'integer'],
      ['1\t5'],
    )
    expect(check.error.code).to.equal('DATA_REJECTED')
    expect(check.error.message).to.include('small').and.include('id = "1"')
    const strict = await refused(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT) STRICT',
      ['integer', 'text'],
      ['1\tabc'],
    )
    expect(strict.error.code).to.equal('DATA_REJECTED')
    expect(strict.error.message).to.include('t.v')
  })

  it('a broken foreign key, but not rows that refer forward', async () => {
    const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, parent INT REFERENCES t (id))'
    for (const id of ['2', '9223372036854775807']) {
      const { error, held } = await refused(ddl, ['integer', 'integer'], [`1\t${id}`, `${id}\t3`])
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.message).to.include('Column parent').and.include(`row ${id})`)
      expect(held).to.equal(0)
    }
    expect(
      await write(fixture.create(ddl), ['integer', 'integer'], batchesOf(batch('1\t2', '2\t\\N'))),
    ).to.equal(2)
  })

  it('to lose rows to a trigger', async () => {
    const drop = 'CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.id = 2 BEGIN SELECT RAISE(IGNORE); END'
    const { error, held } = await refused(
      `CREATE TABLE t (id INTEGER PRIMARY KEY); ${drop}`,
      ['integer'],
      ['1', '2', '3'],
    )
    expect(error.code).to.equal('COUNT_MISMATCH')
    expect(held).to.equal(0)
  })

  it('to go on after a trigger ended the transaction', async () => {
    const end =
      "CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.id = 100 BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
    const rows = Array.from({ length: 200 }, (_, i) => String(i))
    const { error, held } = await refused(
      `CREATE TABLE t (id INTEGER PRIMARY KEY); ${end}`,
      ['integer'],
      rows,
    )
    expect(error.code).to.equal('DATA_REJECTED')
    expect(held).to.equal(0)
  })

  it('a batch with fewer rows than it says', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const error = await failure(write(path, ['integer'], batchesOf({ ...batch('1', '2'), rows: 3 })))
    expect(error.code).to.equal('COUNT_MISMATCH')
  })

  it('to commit after an abort, or after its input failed', async () => {
    const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY)'
    const abort = new AbortController()
    async function* aborting() {
      yield batch('1')
      abort.abort()
    }
    async function* failing() {
      yield batch('1')
      throw new Error('lost')
    }
    const path = fixture.create(ddl)
    expect((await failure(write(path, ['integer'], aborting(), { signal: abort.signal }))).code).to.equal(
      'INTERRUPTED',
    )
    expect((await failure(write(path, ['integer'], failing()))).message).to.include('lost')
    expect(await write(path, ['integer'], batchesOf(batch('1')))).to.equal(1)
  })

  it('to wait for a lock once aborted, and writes when the lock is free', async () => {
    const path = fixture.create('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const abort = new AbortController()
    const waiting = write(path, ['integer'], batchesOf(batch('1')), { signal: abort.signal })
    setTimeout(() => abort.abort(), 50)
    expect((await failure(waiting)).code).to.equal('INTERRUPTED')
    const patient = write(path, ['integer'], batchesOf(batch('1')))
    await delay(50)
    other.exec('COMMIT')
    expect(await patient).to.equal(1)
    other.close()
  })

  it('a view as a target and a missing table', async () => {
    const path = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t')
    const reader = openReader(path)
    const writer = openWriter(path)
    await reader.connect()
    await writer.connect()
    expect((await failure(writer.describe('v'))).code).to.equal('TABLE_NOT_FOUND')
    expect((await failure(reader.describe('x'))).code).to.equal('TABLE_NOT_FOUND')
    expect((await reader.describe('v')).keys).to.deep.equal([])
    await reader.close()
    await writer.close()
  })
})
