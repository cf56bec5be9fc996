// TIMESTAMP columns and the clock in the user's SQL: which zone they are seen in, and that values arrive exactly in any.
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { query, runCli } from '../support/context.js'
import { expectRefusal, scratchFile } from '../support/copying.js'
import { copyInThisThread } from '../support/engine.js'
import { startServer, type TestServer } from '../support/servers.js'

/** One hour behind UTC in winter, and summer time from March to October. */
const ZONE = `
  INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N');
  SET @id = LAST_INSERT_ID();
  INSERT INTO mysql.time_zone_name VALUES ('Test/Summer', @id);
  INSERT INTO mysql.time_zone_transition_type VALUES (@id, 0, -3600, 0, 'W'), (@id, 1, 0, 1, 'S');
  INSERT INTO mysql.time_zone_transition VALUES
    (@id, UNIX_TIMESTAMP('2024-03-31 01:00:00'), 1), (@id, UNIX_TIMESTAMP('2024-10-27 01:00:00'), 0)`
/** Every ten minutes of the nights in which clocks are changed, and the turn of the year. */
const NIGHTS = ['2024-03-30 23:00:00', '2024-10-26 23:00:00', '2023-12-31 20:00:00']
const MOMENTS = NIGHTS.flatMap((night) =>
  Array.from({ length: 30 }, (_, i) => `('${night}.25' + INTERVAL ${i * 10} MINUTE)`),
)
const TABLES = `
  CREATE TABLE src (id INT PRIMARY KEY, t TIMESTAMP(3) NULL, d DATETIME, UNIQUE (t));
  CREATE TABLE keyed (t TIMESTAMP(6) PRIMARY KEY, id INT);
  CREATE TABLE dst LIKE src;
  CREATE TABLE dst_keyed LIKE keyed;
  CREATE TABLE told (id INT PRIMARY KEY, clock VARCHAR(40), day DATE);
  CREATE TABLE plain (id INT PRIMARY KEY, t DATETIME(3), d TIMESTAMP NULL);
  INSERT INTO src VALUES ${MOMENTS.map((at, i) => `(${i}, ${at}, ${at})`).join(', ')};
  INSERT INTO src VALUES (1000, '0000-00-00', NULL), (1001, NULL, NULL), (1002, '2038-01-19 03:14:07', NULL), (1003, '1970-01-01 00:00:01', NULL);
  INSERT INTO keyed SELECT t, id FROM src WHERE t IS NOT NULL`

const CONDITIONS = [
  "t >= '2024-01-01 00:00:00'",
  "DATE(t) = '2024-01-01' OR DATE(t) = '2024-10-27'",
  'HOUR(t) = 23',
  "d >= CURDATE() - INTERVAL 100 YEAR AND FROM_UNIXTIME(1700000000) > '2023-11-14 20:00:00'",
  'UNIX_TIMESTAMP(d) >= 1704067200 AND t < NOW()',
]

describe("time zones of the user's SQL", () => {
  let all: readonly TestServer[] = []

  before(async () => {
    const serverArgs = ['--default-time-zone=-03:30', '--local-infile=ON']
    all = await Promise.all([startServer('mariadb', { serverArgs }), startServer('mysql', { serverArgs })])
    for (const server of all) {
      await query(
        server,
        `SET time_zone = '+00:00', sql_mode = ''; ${ZONE}; CREATE DATABASE d; USE d; ${TABLES}`,
      )
    }
  })
  after(() => Promise.all(all.map((server) => server.stop())))

  const url = (server: TestServer, table: string) => `${server.url}/d?table=${table}`

  async function copy(server: TestServer, from: string, to: string, params: object) {
    await query(server, `TRUNCATE ${to}`, 'd')
    const all = { worker_num: 1, read_batch: 7, ...params }
    return copyInThisThread(url(server, from), url(server, to), all)
  }

  /** Rows of a table in UTC, from the server. */
  const rows = (server: TestServer, table: string, where = '1 = 1') =>
    query(server, `SET time_zone = '+00:00'; SELECT * FROM ${table} WHERE ${where} ORDER BY id`, 'd')

  it('a condition means in "time_zone" what it means to the server there, and values arrive as they are', async () => {
    for (const server of all) {
      for (const zone of ['-03:30', 'Test/Summer', '+13:00']) {
        for (const where of CONDITIONS) {
          const { error, warnings } = await copy(server, 'src', 'dst', { where, time_zone: zone })
          expect(error, `${where} in ${zone}`).to.equal(null)
          expect(warnings.join('\n')).not.to.include('UTC, not')
          const ids = await query(server, `SET time_zone = '${zone}'; SELECT id FROM src WHERE ${where}`, 'd')
          const expected = await rows(server, 'src', `id IN (${[-1, ...ids.flat()].join()})`)
          expect(await rows(server, 'dst'), `${server.kind}: ${where} in ${zone}`).to.deep.equal(expected)
        }
      }
    }
  })

  it('keys, windows and every kind of value keep to the moment in a zone with summer time', async () => {
    for (const server of all) {
      const zone = { time_zone: 'Test/Summer' }
      for (const [from, to] of [
        ['src', 'dst'],
        ['keyed', 'dst_keyed'],
      ] as const) {
        for (const more of [{}, { write_mode: 'upsert' }, from === 'src' ? { pk: 't' } : {}]) {
          expect((await copy(server, from, to, { ...zone, ...more })).error).to.equal(null)
          expect(await rows(server, to)).to.deep.equal(await rows(server, from))
        }
      }
      const increment = { mode: 'increment', diff_column: 't', ...zone }
      const { error, plan } = await copy(server, 'src', 'dst', increment)
      expect(error).to.equal(null)
      expect(await rows(server, 'dst')).to.deep.equal(
        await rows(server, 'src', `t < '${plan!.read.window!.to!}' OR t IS NULL`),
      )
      await copy(server, 'src', 'dst', zone)
      const endpoints = [
        '--from',
        url(server, 'src'),
        '--to',
        url(server, 'dst'),
        '--param',
        'time_zone=Test/Summer',
      ]
      const verified = await runCli(['verify', ...endpoints, '--where', 'HOUR(t) BETWEEN 0 AND 1'])
      expect(verified.code, verified.stderr).to.equal(0)
      expect(verified.stderr).to.include('in Test/Summer (time_zone)')
    }
  })

  it("computed columns see the zone where SQL is the user's, and UTC where it is ours", async () => {
    for (const server of all) {
      const columns = ['id', { to: 'clock', from: 't', cast: 'text' }, { to: 'day', sql: 'DATE(t)' }]
      const params = { columns, time_zone: '-03:30', where: 'id < 1000' }
      const { error } = await copy(server, 'src', 'told', params)
      expect(error).to.equal(null)
      const sql = `SET time_zone = '+00:00'; SELECT CAST(id AS CHAR), CAST(t AS CHAR), CAST(DATE(t - INTERVAL 210 MINUTE) AS CHAR) FROM src WHERE id < 1000 ORDER BY id`
      expect(await query(server, 'SELECT * FROM told ORDER BY id', 'd')).to.deep.equal(
        await query(server, sql, 'd'),
      )
      const moment = await copy(server, 'src', 'dst', { ...params, columns: ['id', { to: 't', sql: 't' }] })
      expect(moment.error).to.include({ code: 'PARAMS_INVALID' })
    }
  })

  it('the plan says where SQL that asks for times is seen in UTC on a server that is not', async () => {
    for (const server of all) {
      for (const where of ["`T` > '2024-01-01'", 'd < NOW()', 'id IN (SELECT id FROM keyed)']) {
        const { warnings } = await copy(server, 'src', 'dst', { where })
        expect(warnings.join('\n'), where).to.match(/^where: .*in UTC.*\(-03:30\).*"time_zone": "-03:30"/m)
      }
      for (const where of [
        "d > '2024-01-01 t now()'",
        'id > 5 -- t',
        'd > UTC_TIMESTAMP() - INTERVAL 99 YEAR',
      ]) {
        const { warnings } = await copy(server, 'src', 'dst', { where })
        expect(warnings.join('\n'), where).not.to.include('in UTC')
      }
      const { warnings } = await copy(server, 'src', 'told', {
        columns: ['id', { to: 'clock', sql: "DATE_FORMAT(t, '%H')" }],
      })
      expect(warnings.join('\n')).to.match(/^clock: .*in UTC/m)
    }
  })

  it('the plan says which columns lose or get a zone', async () => {
    for (const server of all) {
      const { warnings } = await copy(server, 'src', 'plain', { where: 'id < 1000', allow_lossy: ['d'] })
      expect(warnings.join('\n')).to.include(
        't (timestamp(3)) is a moment: datetime(3) gets what clocks say of it in UTC',
      )
      expect(warnings.join('\n')).to.include('d (datetime) has no zone: timestamp takes it to be in UTC')
    }
  })

  it('a zone that nobody knows, or of a database without zones, is refused', async () => {
    const [server] = all
    const to = url(server!, 'dst')
    const zone = ['--param', 'time_zone=Mars/Olympus']
    expectRefusal(
      await runCli(['copy', '--from', url(server!, 'src'), '--to', to, ...zone]),
      2,
      'PARAMS_INVALID',
      'Mars/Olympus',
    )
    const file = `sqlite:${scratchFile('db')}?table=t`
    expectRefusal(
      await runCli(['copy', '--from', file, '--to', to, ...zone]),
      2,
      'PARAMS_INVALID',
      'time_zone',
    )
  })
})
