// One moment of all tables of a database while money moves between them.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { DatabaseReport } from '../../src/features/database/report.js'
import { readFileSync } from 'node:fs'
import { connect } from '../support/client.js'
import { addressOf, runCli, server } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import type { ServerKind } from '../support/servers.js'

const TABLES = ['a', 'b', 'c', 'd', 'keyless']
const ROWS = 6_000
const EACH = 100
const KINDS: readonly ServerKind[] = ['mariadb', 'mysql', 'postgres']

/** Five tables, of which the last has no key. */
async function accounts(kind: ServerKind): Promise<TestDatabase> {
  const rows =
    kind === 'postgres'
      ? `SELECT i, ${EACH}, repeat('x', 90) FROM generate_series(1, ${ROWS}) i`
      : `WITH RECURSIVE d (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 99)
         SELECT x.n * 100 + y.n + 1, ${EACH}, REPEAT('x', 90) FROM d x JOIN d y ON x.n < ${ROWS / 100}`
  const sql = TABLES.map((table) => {
    const key = table === 'keyless' ? ', KEY (id)' : ', PRIMARY KEY (id)'
    const made = `CREATE TABLE ${table} (id INT NOT NULL, money INT NOT NULL, note VARCHAR(100)${key});`
    const index = 'CREATE INDEX by_id ON keyless (id);'
    const ddl = kind === 'postgres' && table === 'keyless' ? `${made.replace(key, '')} ${index}` : made
    return `${ddl} INSERT INTO ${table} ${rows};`
  })
  return TestDatabase.create(server(kind), sql.join('\n'))
}

/** Moves money from each table to the next, at both ends of the keys, until told to stop. */
async function move({ server: at, database }: TestDatabase, signal: AbortSignal): Promise<number> {
  const client = await connect(at.kind, { ...addressOf(at), database })
  let moves = 0
  try {
    for (; !signal.aborted; moves++) {
      const id = 1 + (moves % 1000)
      const [from, to] = [TABLES[moves % 5]!, TABLES[(moves + 1) % 5]!]
      await client.query('BEGIN')
      await client.query(`UPDATE ${from} SET money = money - 7 WHERE id = ${id}`)
      await client.query(`UPDATE ${to} SET money = money + 7 WHERE id = ${ROWS + 1 - id}`)
      await client.query('COMMIT')
    }
  } finally {
    await client.end()
  }
  return moves
}

const SUM = `SELECT ${TABLES.map((table) => `(SELECT SUM(money) FROM ${table})`).join(' + ')}`

describe('a snapshot of a database', () => {
  for (const kind of KINDS)
    it(`shows one moment of five tables of ${kind} while money moves between them`, async () => {
      const from = await accounts(kind)
      const to = await TestDatabase.create(server(kind))
      const file = scratchFile('json')
      const params = { consistency: 'snapshot', worker_num: 2, read_batch: 300 }
      const url = (db: TestDatabase) => `${db.server.url}/${db.database}`
      const ends = ['--from', url(from), '--to', url(to), '--create']
      const stop = new AbortController()
      const writer = move(from, stop.signal)
      const outcome = await runCli([
        'copy',
        ...ends,
        '--params',
        JSON.stringify(params),
        '--report',
        file,
      ]).finally(() => stop.abort())
      expect(await writer, 'moves during the copy').to.be.above(10)
      expect(outcome.code, outcome.stderr).to.equal(0)
      const report = JSON.parse(readFileSync(file, 'utf8')) as DatabaseReport
      expect(report).to.include({ status: 'success', rowsWritten: 5 * ROWS })
      expect(report.busySeconds).to.have.length(2)
      for (const { run } of report.tables)
        expect(run).to.include({ consistency: 'snapshot', snapshotPosition: report.snapshotPosition })
      if (kind !== 'mariadb') expect(report.snapshotPosition).to.match(/:\d+|\//)
      expect(await to.value(SUM)).to.equal(String(5 * ROWS * EACH))
      // The writer was at work: the source has moved on.
      expect(await from.value(SUM)).to.equal(String(5 * ROWS * EACH))
      const before = await to.query('SELECT id, money FROM a ORDER BY id')
      expect(await from.query('SELECT id, money FROM a ORDER BY id')).not.to.deep.equal(before)
    })
})
