// Pieces of SQL from the user are complete by themselves: what they say alone is what they say inside our statements.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import mysql from '../../plugins/mysql/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'
import type { Plugin, Reader, RowshiftError } from '../../src/contract/plugin.js'
import { oneServer, runCli, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, scratchFile } from '../support/copying.js'
import { Database } from '../support/database.js'

const ROWS = Array.from({ length: 30 }, (_, i) => `(${i + 1}, ${i % 3}, 'x${i % 4}')`).join(', ')
const TABLE = `CREATE TABLE t (id INT PRIMARY KEY, s INT, v VARCHAR(20)); INSERT INTO t VALUES ${ROWS}`

/** Whole conditions, and how many rows of `t` they are true for. */
const CONDITIONS: readonly (readonly [string, number])[] = [
  ['s = 1 OR s = 2', 20],
  ['(s = 1) OR (s = 2)', 20],
  ['s = 1 -- only these', 10],
  ['s = 1 --', 10],
  ['s = 1 /* a ) bracket */', 10],
  ["v = ') OR (1 = 1' OR s = 1", 10],
  ['id IN (SELECT MAX(id) FROM t)', 1],
  ['NOT EXISTS (SELECT 1 FROM t AS o WHERE o.id > t.id)', 1],
  ['s', 20],
]
const MYSQL_CONDITIONS: typeof CONDITIONS = [
  ['s = 1 # only these', 10],
  ["v <> '\\') OR (1 = 1' AND s = 1", 10],
  ['s = 1 /*! AND id < 10 */', 3],
  ['s = COALESCE(@wanted, 1)', 10],
]

/** Each would change the statement around it, or is not a condition on a row. */
const NO_CONDITIONS = [
  's = 1) OR (s = 2',
  '1 = 1) OR (1 = 1',
  's = 1)',
  '(s = 1',
  's = 1 /*',
  's = 1) /*',
  "v = 'x",
  "s = 1 OR v = '",
  's = 1; DELETE FROM t',
  's = 1;',
  's = 1 \\',
  's = 1 ORDER BY id',
  's = 1 LIMIT 1',
  's = 1 GROUP BY s',
  's = 1 UNION SELECT 1',
  '1) UNION SELECT (1',
  'id IN (SELECT id FROM t)) OR (id IN (SELECT id FROM t)',
  's = ?',
  's, id',
  'SELECT 1',
  'COUNT(*) > 1',
  'ROW_NUMBER() OVER () < 5',
  'nonesuch = 1',
  '-- nothing',
  ' ',
]
const NO_MYSQL_CONDITIONS = [
  ...NO_CONDITIONS,
  's = 1 /*!',
  's = 1) /*! OR (s = 2',
  's = 1 */ OR s = 2',
  's = 1 FOR UPDATE',
  's = 1 INTO @x',
  '(@n := COALESCE(@n, 0) + 1) < 5',
]

/** Its driver gives NULL for a parameter, and reads no further than a NUL. */
const NO_SQLITE_CONDITIONS = [...NO_CONDITIONS, 's = ?1', 's = :s', 's = @s', 's = $s', 's = 1\0 OR 1']

const NO_EXPRESSIONS = [
  'id), (s',
  'id) + (s',
  'id, s',
  'id AS x',
  'id FROM t --',
  'id /*',
  "CONCAT(v, 'x",
  '*',
  'DISTINCT id',
  'COUNT(*)',
  'SUM(id) OVER ()',
  '?',
  'id; DROP TABLE t',
]

interface End {
  readonly name: string
  readonly reader: Reader
  /** Rows that the condition selects, with nothing else around it. */
  readonly count: (condition: string) => Promise<number>
}

function readerOf(plugin: Plugin, url: string): Reader {
  return plugin.createReader!({
    plugin: '',
    connection: plugin.connectionFromUrl(new URL(url), url),
    session: [],
  })
}

async function onServers(): Promise<End[]> {
  const dbs = await Promise.all(servers().map((server) => TestDatabase.create(server, TABLE)))
  return dbs.map((db) => ({
    name: db.server.kind,
    reader: readerOf(mysql, `${db.server.url}/${db.database}`),
    count: async (condition) => Number(await db.value(`SELECT COUNT(*) FROM t WHERE ${condition}`)),
  }))
}

function inFile(): End {
  const path = scratchFile('db')
  const database = new Database(path)
  database.exec(TABLE)
  return {
    name: 'sqlite',
    reader: readerOf(sqlite, `sqlite:${path}`),
    count: async (condition) => database.value(`SELECT COUNT(*) FROM t WHERE ${condition}`) as number,
  }
}

async function refusal(work: Promise<unknown>): Promise<RowshiftError> {
  return work.then(
    () => expect.fail('it was taken'),
    (thrown: unknown) => thrown as RowshiftError,
  )
}

describe('SQL from the user', () => {
  let endpoints: End[]

  before(async () => {
    endpoints = [...(await onServers()), inFile()]
    for (const { reader } of endpoints) await reader.connect()
  })

  after(async () => {
    for (const { reader } of endpoints) await reader.close()
  })

  it('is a condition that means alone what it means in our statements', async () => {
    for (const { name, reader, count } of endpoints) {
      const source = await reader.describe('t')
      const id = source.columns[0]!
      const all = name === 'sqlite' ? CONDITIONS : [...CONDITIONS, ...MYSQL_CONDITIONS]
      for (const [where, expected] of all) {
        await reader.skills.checkWhere!(source, where)
        expect(await count(where), `${name}: ${where}, alone`).to.equal(expected)
        let rows = 0
        const spec = {
          table: source,
          where,
          window: null,
          splitRows: 4,
          batch: { bytes: 4096, rows: 1 },
          columns: [id],
          key: { name: source.keys[0]!.name, columns: [id], nullable: false },
        }
        const { signal } = new AbortController()
        for await (const split of reader.split(spec, () => 4, signal)) {
          for await (const _ of reader.read(spec, split, signal)) rows++
        }
        expect(rows, `${name}: ${where}, in splits`).to.equal(expected)
      }
    }
  })

  it('is refused as a condition that it is not by itself', async () => {
    for (const { name, reader } of endpoints) {
      const source = await reader.describe('t')
      for (const where of name === 'sqlite' ? NO_SQLITE_CONDITIONS : NO_MYSQL_CONDITIONS) {
        const error = await refusal(reader.skills.checkWhere!(source, where)).catch((thrown: Error) => {
          throw new Error(`${name}: ${where}: ${thrown.message}`)
        })
        expect(error.code, `${name}: ${where}: ${error.message}`).to.equal('PARAMS_INVALID')
        expect(error.message).to.include('params.where')
      }
    }
  })

  it('is refused as an expression that it is not by itself', async () => {
    for (const { name, reader } of endpoints) {
      const source = await reader.describe('t')
      for (const sql of NO_EXPRESSIONS) {
        const wanted = [
          { at: 'params.columns[0]', name: 'x', origin: { type: 'sql', sql }, steps: [] },
        ] as const
        const error = await refusal(reader.skills.derive!(source, wanted)).catch((thrown: Error) => {
          throw new Error(`${name}: ${sql}: ${thrown.message}`)
        })
        expect(error.code, `${name}: ${sql}: ${error.message}`).to.equal('PARAMS_INVALID')
        expect(error.message).to.include('params.columns[0]')
      }
    }
  })

  it('stops copy, verify and shards with exit 2 before anything is read or written', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${TABLE}; CREATE TABLE keyless (id INT, s INT, v VARCHAR(20)); CREATE TABLE s_0 LIKE t; CREATE TABLE s_1 LIKE t`,
      )
      const where = 's = 1) OR (s = 2'
      const copied = await db.copy('t', 'keyless', { where, read_batch: 4 })
      expectRefusal(copied, 2, 'PARAMS_INVALID', 'params.where', ') OR (s = 2')
      expect(await db.value('SELECT COUNT(*) FROM keyless')).to.equal('0')
      const endpoints = ['--from', db.url('t'), '--to', db.url('keyless')]
      expectRefusal(
        await runCli(['verify', ...endpoints, '--where', where]),
        2,
        'PARAMS_INVALID',
        'params.where',
      )
      const sharded = await db.copy('t', 's_{0..1}', { shard: { sql: 'id) % (2' } })
      expectRefusal(sharded, 2, 'PARAMS_INVALID', 'params.shard.sql')
    }
  })
})
