// Cells that are not what their columns say, from a file or from a server: none becomes SQL, none is stored as another value.
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { pathOn } from '../support/cases.js'
import { servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import { withGlobals } from '../support/globals.js'

const PATHS = ['insert', 'load-data'] as const
const TABLE = '(id INT PRIMARY KEY, v INT, d DECIMAL(9,2), t DATETIME, s VARCHAR(200))'
const SOUND = ['6', '1.50', '2024-01-01 00:00:00', 'x']

/** What a hostile hand writes in the place of v, d, t and s. */
const ROWS: readonly (readonly [row: readonly string[], words: string])[] = [
  [['7-2', '1', '\\N', 'x'], 'v (int'],
  [['2024-05-01', '1', '\\N', 'x'], 'not an integer'],
  [['1.5', '1', '\\N', 'x'], 'not an integer'],
  [['NOW()', '1', '\\N', 'x'], 'not an integer'],
  [['0x10', '1', '\\N', 'x'], 'not an integer'],
  [['(select count(*) from mysql.user)', '1', '\\N', 'x'], 'not an integer'],
  [['1', '3-1', '\\N', 'x'], 'not a decimal number'],
  [['1', 'nan', '\\N', 'x'], 'not a decimal number'],
  [['1', '1', '20240501', 'x'], 'not a date with a time'],
  [['1', '1', '2024-05-01 10:00:00+02:00', 'x'], 'not a date with a time'],
  [['1', '1', '\\N', "\\'),(9,(select count(*) from mysql.user),1,null,'"], 'backslash'],
  [['1', '1', '\\N\\', ',NULL),(9,9,9,NULL,(select user())) -- '], 'backslash'],
  [['1', '1', '\\N', '\\Z'], 'backslash'],
]

/** Lets a server be reached at a port of ours, and replaces bytes in what it sends. */
function forge(port: number, from: string, to: string): Promise<net.Server> {
  const sent = Buffer.from(from)
  const forged = Buffer.from(to)
  expect(forged.length).to.equal(sent.length)
  const proxy = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1')
    client.on('data', (data) => server.write(data))
    server.on('data', (data) => {
      for (let at = data.indexOf(sent); at >= 0; at = data.indexOf(sent, at)) forged.copy(data, at)
      client.write(data)
    })
    client.on('close', () => server.destroy()).on('error', () => {})
    server.on('close', () => client.destroy()).on('error', () => {})
  })
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)))
}

describe('a cell that is not what its column says', () => {
  let restore: () => Promise<void>
  before(async () => {
    restore = await withGlobals(servers(), { local_infile: '1' })
  })
  after(() => restore())

  const proxies: net.Server[] = []
  after(() => proxies.forEach((proxy) => proxy.close()))

  /** A file of two refused rows, as a run leaves it. */
  async function dirtyFile(db: TestDatabase): Promise<string> {
    await db.query(
      `DROP TABLE IF EXISTS s, t; CREATE TABLE s ${TABLE}; CREATE TABLE t ${TABLE};
       INSERT INTO s VALUES (1, 5, 1.5, '2024-01-01', 'x'), (2, 6, 1.5, '2024-01-01', 'x'); INSERT INTO t SELECT * FROM s`,
    )
    const dirty_file = scratchFile('tsv')
    const outcome = await db.copy('s', 't', { error_limit: 9, dirty_file })
    expect(outcome.report.dirtyRows, outcome.stderr).to.equal(2)
    return dirty_file
  }

  for (const write_path of PATHS) {
    it(`is refused with its line, out of a file, by ${write_path}`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server)
        const file = await dirtyFile(db)
        await db.query('TRUNCATE t')
        const hostile = ROWS.map(([cells], i) => [i, ...cells].join('\t'))
        const rows = [...hostile, `99\t${SOUND.join('\t')}`]
        writeFileSync(file, rows.map((row) => `${row}\tDUPLICATE_KEY\t\\N\twhy\n`).join(''))
        const copy = (params: object) => {
          const endpoints = ['--from', `file:${file}`, '--to', db.url('t')]
          const all = JSON.stringify({
            write_path: pathOn(server.kind, write_path),
            worker_num: 1,
            ...params,
          })
          return runWithReport(['copy', ...endpoints, '--params', all])
        }
        expectRefusal(await copy({}), 1, 'DATA_REJECTED', 'Line 1', 'v (int', '7-2')
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')

        const again = scratchFile('tsv')
        const outcome = await copy({ error_limit: ROWS.length, dirty_file: again })
        expect(outcome.code, outcome.stderr).to.equal(0)
        const counts = { rowsRead: rows.length, rowsWritten: 1, dirtyRows: ROWS.length }
        expect(outcome.report).to.include(counts)
        expect(await db.query('SELECT * FROM t')).to.deep.equal([['99', ...SOUND]])
        const lines = readFileSync(again, 'utf8').split('\n')
        for (const [i, [, words]] of ROWS.entries()) {
          expect(lines[i])
            .to.match(/\tDATA_REJECTED\t/)
            .and.to.include(words)
          expect(lines[i]!.startsWith(`${hostile[i]}\t`)).to.equal(true)
        }
      }
    })

    it(`is refused with its row, from a server, by ${write_path}`, async () => {
      for (const server of servers()) {
        const db = await TestDatabase.create(server)
        for (const [type, stored, sent, words] of [
          ['BIGINT', '123456789', '(select 1)', 'not an integer'],
          ['BIGINT', '123456789', '20240-5-01', 'not an integer'],
          ['DECIMAL(10,1)', '12345678.5', '123-5678.5', 'not a decimal number'],
          ['DATE', '2024-05-01', '2024/05/01', 'not a date'],
        ].slice(0, write_path === 'insert' ? 4 : 1)) {
          await db.query(
            `DROP TABLE IF EXISTS s, t; CREATE TABLE s (id INT PRIMARY KEY, v ${type}); CREATE TABLE t LIKE s;
             INSERT INTO s VALUES (1, NULL), (2, '${stored!.padEnd(sent!.length, '0')}')`,
          )
          const proxy = await forge(server.port, stored!.padEnd(sent!.length, '0'), sent!)
          proxies.push(proxy)
          const { port } = proxy.address() as net.AddressInfo
          const from = db.url('s').replace(`:${server.port}/`, `:${port}/`)
          const endpoints = ['--from', from, '--to', db.url('t')]
          const outcome = await runWithReport([
            'copy',
            ...endpoints,
            '--params',
            JSON.stringify({ write_path: pathOn(server.kind, write_path) }),
          ])
          expectRefusal(outcome, 1, 'DATA_REJECTED', words!, sent!, 'id = "2"')
          expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
        }
      }
    })
  }
})
