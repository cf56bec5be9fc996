// What users of PostgreSQL may set for a session, and what they may not.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import postgres from '../../plugins/postgres/plugin.js'
import { PostgresSession } from '../../plugins/postgres/session.js'
import { SETTINGS } from '../../plugins/postgres/session-settings.js'
import { RowshiftError } from '../../src/contract/errors.js'
import { openAll } from '../../src/contract/opening.js'
import { ready, server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'
import { openingError } from '../support/postgres-session.js'
import { until } from '../support/until.js'

/** What `session` says, and what the refusal names. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["SET TimeZone = 'Europe/Paris'", 'TimeZone is "Europe/Paris"'],
  ["SET DateStyle = 'SQL, DMY'", 'DateStyle'],
  ["SET client_encoding = 'LATIN1'", 'client_encoding'],
  ["SET bytea_output = 'escape'", 'bytea_output'],
  ['SET extra_float_digits = 0', 'extra_float_digits'],
  ['SET standard_conforming_strings = off', 'standard_conforming_strings'],
  ['SET transform_null_equals = on', 'transform_null_equals'],
  ['BEGIN', 'a transaction is left open'],
]

/** The error of a session that is opened so; null: there is none. */
function opened({ server: at, database }: TestDatabase, session: readonly string[], timeZone?: string) {
  return openingError(`${at.url}/${database}`, { session, ...(timeZone && { timeZone }) })
}

/** ERROR, SQLSTATE 57014, and that the session takes the next statement. */
const CANCELED = Buffer.from('E\0\0\0\x1dSERROR\0C57014\0Mcanceled\0\0Z\0\0\0\x05I', 'latin1')

describe('a session of PostgreSQL', () => {
  it('is closed where the set-up that a task store needs is canceled', async () => {
    const at = server('postgres')
    await ready(at)
    const { host, port, user, password } = at
    let open = 0
    const between = createServer((client) => {
      const upstream = connect(port, host)
      open++
      upstream.on('error', () => {}).pipe(client)
      client.on('data', (bytes) =>
        bytes.includes("'300000'") ? client.write(CANCELED) : upstream.write(bytes),
      )
      client
        .on('error', () => {})
        .on('close', () => {
          open--
          upstream.destroy()
        })
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    try {
      const there = { host: '127.0.0.1', port: (between.address() as AddressInfo).port }
      const store = postgres.createTaskStore!({ ...there, user, password, db: 'postgres' })
      const error = await openAll([store]).catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(RowshiftError)
      expect((error as RowshiftError).message).to.include('set-up of the task store')
      await until('the end of the session', async () => open === 0)
    } finally {
      between.close()
    }
  })

  it('is refused where "session" changes what every session relies on', async () => {
    const db = await TestDatabase.create(server('postgres'))
    for (const [sql, name] of REFUSED) {
      const error = await opened(db, [sql])
      expect(error?.code, sql).to.equal('PARAMS_INVALID')
      expect(error!.message).to.include('params.session').and.to.include(name)
    }
    const error = await opened(db, ['SELECT 1', 'SELECT nothing_like_it'])
    expect(error?.message).to.include('"session"[1]').and.include('nothing_like_it')
    expect(
      await opened(db, ['SET lock_timeout = 5', 'SET search_path = public', 'SET work_mem = 4096']),
    ).to.equal(null)
  })

  it('notices that the server answers a COMMIT by rolling back', async () => {
    const { server: at, database } = await TestDatabase.create(server('postgres'))
    const url = `${at.url}/${database}`
    const connection = postgres.connectionFromUrl(new URL(url), url)
    const session = await PostgresSession.open({ connection, session: [] })
    try {
      await session.begin()
      await session.query('SELECT 1/0').catch(() => {})
      const thrown: unknown = await session.commit().catch((error: unknown) => error)
      expect(thrown).to.include({ code: 'SERVER_ERROR' })
      expect(String(thrown)).to.include('has rolled the transaction back')
    } finally {
      await session.close()
    }
  })

  it('sees the clock of a zone by its name, and by an offset that counts as it does elsewhere', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      "CREATE TABLE z (id int PRIMARY KEY, m timestamptz); INSERT INTO z VALUES (1, '2024-07-01 12:00:00+00')",
    )
    for (const [zone, hour] of [
      ['Europe/Paris', 14],
      ['+02:00', 14],
      ['-03:30', 8],
    ] as const) {
      const target = `t${hour}${zone.length}`
      await db.query(`CREATE TABLE ${target} (id int, m timestamptz)`)
      const outcome = await db.copy('z', target, {
        time_zone: zone,
        where: `extract(hour FROM m) = ${hour}`,
      })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await db.value(`SELECT m = '2024-07-01 12:00:00+00' FROM ${target}`), zone).to.equal('t')
    }
    const error = await opened(db, [], 'Middle/Earth')
    expect(error?.code).to.equal('PARAMS_INVALID')
    expect(error!.message).to.include('Middle/Earth')
  })

  it('does not take a policy for the whole table', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE s (id int PRIMARY KEY, who text); INSERT INTO s VALUES (1, 'me'), (2, 'you');
       CREATE TABLE t (id int, who text); ALTER TABLE s ENABLE ROW LEVEL SECURITY; ALTER TABLE s FORCE ROW LEVEL SECURITY;
       CREATE POLICY mine ON s USING (who = 'me')`,
    )
    const user = `${db.database}_user`
    await db.query(`CREATE ROLE ${user}; GRANT ALL ON s, t TO ${user}`)
    try {
      const refused = await db.copy('s', 't', { session: [`SET ROLE ${user}`] })
      expect(refused.code, refused.stderr).to.equal(1)
      expect(refused.stderr).to.include('row-level security').and.include('[ACCESS_DENIED]')
      const outcome = await db.copy('s', 't', { session: [`SET ROLE ${user}`, 'SET row_security = on'] })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(await db.query('SELECT id FROM t')).to.deep.equal([['1']])
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('is described in docs/sessions.md, setting by setting', () => {
    const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')
    for (const { name, value, fixed } of SETTINGS) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``))
      expect(row, name).to.be.a('string')
      expect(row)
        .to.include(`\`${value}\``)
        .and.include(fixed ? 'fixed' : 'yours')
    }
  })
})
