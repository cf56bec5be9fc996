// What a reader of PostgreSQL gives of each value, byte by byte, and what becomes of rows that cannot be read.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import type { Batch, Column, Endpoint, Reader, ReadSpec, RowshiftError } from '../../src/contract/plugin.js'
import { forEachRow } from '../../src/contract/plugin.js'
import { connect } from '../support/client.js'
import { addressOf, query, server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { createEncoded } from '../support/postgres-session.js'
import { until } from '../support/until.js'

const NEVER = new AbortController().signal
const WHOLE = { index: 0, lower: null, upper: null }

/** Texts and byte strings of every byte, of all lengths around a block of 16, and those that mean something to COPY. */
const VALUES = `
  CREATE TABLE v (id int PRIMARY KEY, t text, b bytea, n int);
  INSERT INTO v SELECT i, string_agg(chr(1 + (i * 7 + j) % 255), '' ORDER BY j), string_agg(set_byte('\\x00', 0, (i * 11 + j) % 256), '' ORDER BY j), i
    FROM generate_series(1, 600) i, generate_series(0, i % 50) j GROUP BY i;
  INSERT INTO v VALUES (1001, '', '', NULL), (1002, NULL, NULL, NULL), (1003, '\\N', '\\x5c4e', 0), (1004, '\\.', '\\x5c2e', -1),
    (1005, E'\\t', '\\x09', 1), (1006, E'\\n', '\\x0a', 2), (1007, '\\', '\\x5c', 3), (1008, E'\\r\\n\\\\.\\r\\n', '\\x0d0a5c2e0d0a', 4),
    (1009, repeat('é€😀' || chr(8) || chr(11) || chr(12), 20000), decode(repeat('00ff5c0a09', 20000), 'hex'), 5),
    (1010, repeat(E'\\\\x\\b', 400000), decode(repeat('5c00', 700000), 'hex'), 6), (1011, 'after a row that is larger than a chunk', '\\x01', 7)`

function endpointOf({ server: at, database }: TestDatabase, session: readonly string[] = []): Endpoint {
  const url = `${at.url}/${database}`
  return { plugin: '', connection: postgres.connectionFromUrl(new URL(url), url), session }
}

async function withReader<T>(endpoint: Endpoint, use: (reader: Reader) => Promise<T>): Promise<T> {
  const reader = postgres.createReader!(endpoint)
  await reader.connect()
  try {
    return await use(reader)
  } finally {
    await reader.close()
  }
}

async function specOf(reader: Reader, name: string, columns?: readonly Column[]): Promise<ReadSpec> {
  const table = await reader.describe(name)
  const batch = { bytes: 1 << 14, rows: 100 }
  return {
    table,
    columns: columns ?? table.columns,
    key: null,
    splitRows: 1000,
    batch,
    where: null,
    window: null,
  }
}

function digitsOf(batch: Batch): (string | null)[][] {
  const rows: (string | null)[][] = []
  forEachRow(batch, (cells) => rows.push(cells.map((cell) => cell && cell.toString('hex'))))
  return rows
}

async function failure(work: Promise<unknown>): Promise<RowshiftError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  )
  return (thrown as RowshiftError | null) ?? expect.fail('nothing was thrown')
}

describe('a reader of PostgreSQL', () => {
  it('gives every value byte for byte', async () => {
    const db = await TestDatabase.create(server('postgres'), VALUES)
    const rows = await withReader(endpointOf(db), async (reader) => {
      const read: (string | null)[][] = []
      for await (const batch of reader.read(await specOf(reader, 'v'), WHOLE, NEVER)) {
        const some = digitsOf(batch)
        expect(some).to.have.length(batch.rows)
        read.push(...some)
      }
      return read
    })
    const hex = (sql: string) => `encode(convert_to(${sql}, 'UTF8'), 'hex')`
    const wanted = await db.query(
      `SELECT ${hex('id::text')}, ${hex('t')}, encode(b, 'hex'), ${hex('n::text')} FROM v`,
    )
    const sorted = (some: readonly (readonly (string | null)[])[]) => some.map((row) => row.join('|')).sort()
    expect(sorted(rows)).to.deep.equal(sorted(wanted))
  })

  it('gives moments in UTC and numbers with all digits, whatever the server, the database and the user set', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE m (id int PRIMARY KEY, z timestamptz, d date, i interval, f float8, r real, b bytea, o boolean, y money);
       INSERT INTO m VALUES (1, '2024-10-27 02:30:00.123456+02', '2024-02-01', '1 year 2 days 03:04:05.6', 0.1::float8 + 0.2::float8, 0.1, '\\x00ff', true, 1234.5)`,
    )
    const hostile = {
      DateStyle: 'German',
      IntervalStyle: 'iso_8601',
      TimeZone: 'Asia/Kathmandu',
      extra_float_digits: '-15',
      bytea_output: 'escape',
      standard_conforming_strings: 'off',
      client_encoding: 'LATIN1',
      default_transaction_isolation: 'serializable',
      search_path: 'nowhere, public, pg_catalog',
      statement_timeout: '100ms',
      lock_timeout: '100ms',
      transform_null_equals: 'on',
      row_security: 'on',
    }
    const read = () =>
      withReader(endpointOf(db), async (reader) => {
        const batches: string[] = []
        const spec = { ...(await specOf(reader, 'm')), where: 'pg_sleep(0.3) IS NOT NULL' }
        for await (const { bytes } of reader.read(spec, WHOLE, NEVER)) batches.push(bytes.toString())
        return batches.join('')
      })
    const wanted = await read()
    expect(wanted).to.include('2024-10-27 00:30:00.123456').and.include('0.30000000000000004')
    for (const [name, value] of Object.entries(hostile))
      await db.query(
        `ALTER DATABASE ${db.database} SET ${name} = ${value.includes(',') ? value : `'${value}'`}`,
      )
    expect(await read()).to.equal(wanted)
  })

  it('says where a text of a database without an encoding is not UTF-8', async () => {
    const at = server('postgres')
    const db = await TestDatabase.create(at)
    const name = `${db.database}_ascii`
    await createEncoded(at, name, 'SQL_ASCII')
    try {
      await query(
        at,
        `CREATE TABLE s (id int PRIMARY KEY, t text); INSERT INTO s VALUES (1, convert_from('\\xc3a9', 'SQL_ASCII')), (2, convert_from('\\xe9', 'SQL_ASCII'))`,
        name,
      )
      const url = `${at.url}/${name}`
      const endpoint = { plugin: '', connection: postgres.connectionFromUrl(new URL(url), url), session: [] }
      await withReader(endpoint, async (reader) => {
        const spec = await specOf(reader, 's')
        const read = async (where: string | null) => {
          const rows: (string | null)[][] = []
          for await (const batch of reader.read({ ...spec, where }, WHOLE, NEVER))
            rows.push(...digitsOf(batch))
          return rows
        }
        expect(await read('id = 1')).to.deep.equal([['31', 'c3a9']])
        const error = await failure(read(null))
        expect(error.code).to.equal('DATA_REJECTED')
        expect(error.message, String(error.cause)).to.include('id = "2"').and.include('not UTF-8')
      })
    } finally {
      await query(at, `DROP DATABASE ${name} WITH (FORCE)`)
    }
  })

  it('finds rows by keys of any type of text', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE SCHEMA hidden; CREATE EXTENSION citext SCHEMA hidden; CREATE DOMAIN code AS text; CREATE TYPE mood AS ENUM ('a b', 'c');
       CREATE TABLE s (id int PRIMARY KEY, k text); CREATE TABLE t (id int PRIMARY KEY, v int)`,
    )
    for (const [type, first, second] of [
      ['code', 'Ä', 'b'],
      ['hidden.citext', 'a', 'B'],
      ['name', 'a', "b'"],
      ['inet', '10.0.0.1', '10.0.0.0/8'],
      ['int[]', '{1,2}', '{}'],
      ['interval', '7 days', '01:02:03'],
      ['mood', 'a b', 'c'],
      ['uuid', '00000000-0000-0000-0000-000000000001', 'ffffffff-0000-0000-0000-00000000000a'],
      ['char(3)', 'a', 'b'],
    ] as const) {
      const values = `(1, '${first}'), (2, '${second.replace("'", "''")}')`
      await db.query(
        `DROP TABLE IF EXISTS m; CREATE TABLE m (v int, k ${type}); INSERT INTO m VALUES ${values}; TRUNCATE s, t;
         INSERT INTO s VALUES ${values}, (3, 'none of them')`,
      )
      const lookup = { in: 'source', table: 'm', key: 'k', value: 'v', missing: 'null' }
      const outcome = await db.copy('s', 't', { columns: ['id', { from: 'k', to: 'v', lookup }] })
      expect(outcome.code, `${type}: ${outcome.stderr}`).to.equal(0)
      expect(await db.query('SELECT * FROM t ORDER BY id'), type).to.deep.equal([
        ['1', '1'],
        ['2', '2'],
        ['3', null],
      ])
    }
  })

  describe('in a snapshot', () => {
    const WAITING = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    const waits = (db: TestDatabase) =>
      until('somebody waits for a lock', async () => (await db.value(WAITING)) === '1')
    const rowsOf = async (reader: Reader) => {
      let rows = 0
      for await (const batch of reader.read(await specOf(reader, 's'), WHOLE, NEVER)) rows += batch.rows
      return rows
    }

    it('sees what somebody puts there who has emptied the table before it began', async () => {
      const db = await TestDatabase.create(
        server('postgres'),
        'CREATE TABLE s AS SELECT generate_series(1, 9)',
      )
      const client = await connect('postgres', { ...addressOf(db.server), database: db.database })
      await client.query('BEGIN; TRUNCATE s; INSERT INTO s VALUES (1), (2)')
      await withReader(endpointOf(db), async (reader) => {
        const skill = reader.skills.snapshot!
        const beginning = skill.begin(['s'], NEVER)
        await waits(db)
        await client.query('COMMIT')
        const snapshot = await beginning
        await skill.join(snapshot.token)
        await snapshot.release()
        expect(await rowsOf(reader)).to.equal(2)
      })
      await client.end()
    })

    it('keeps others from TRUNCATE once it has joined, and does not join behind one', async () => {
      const db = await TestDatabase.create(
        server('postgres'),
        'CREATE TABLE s AS SELECT generate_series(1, 9)',
      )
      let emptied: Promise<unknown> = Promise.resolve()
      await withReader(endpointOf(db), async (reader) => {
        const skill = reader.skills.snapshot!
        const snapshot = await skill.begin(['s'], NEVER)
        await skill.join(snapshot.token)
        emptied = db.query('TRUNCATE s')
        await waits(db)
        await withReader(endpointOf(db), async (late) => {
          expect(await failure(late.skills.snapshot!.join(snapshot.token))).to.include({
            code: 'LOCK_CONFLICT',
          })
        })
        await snapshot.release()
        await waits(db)
        expect(await rowsOf(reader)).to.equal(9)
      })
      await emptied
    })
  })
})
