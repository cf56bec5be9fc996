// How a run over many hosts begins, and what it says of its connections: nothing secret, and enough for a worker to find its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { Config, connectionFromUrl, fromUrl } from '../../src/config/config.js'
import { redact, type RowshiftError } from '../../src/contract/errors.js'
import type { JobOwner } from '../../src/engine/job-queue.js'
import { findConnections, needOf } from '../../src/features/hosts/connection-needs.js'
import { HostStart } from '../../src/features/hosts/host-start.js'
import { newRecord, readRecord } from '../../src/features/hosts/run-record.js'

const NEEDS = { others: [], session: [], targetSession: [], timeZone: null }

describe('connections of runs over many hosts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowshift-test-'))
  const config = () => Config.load(folder, 'local')

  before(() => {
    process.env['ROWSHIFT_UNIT_SECRET'] = 'hidden'
    const connection = {
      host: 'db1',
      port: 3307,
      user: 'other',
      password: '${ROWSHIFT_UNIT_SECRET}',
      db: 'shop',
    }
    const strange = { ...connection, host: '${ROWSHIFT_UNIT_NOT_SET}' }
    const from = { mysql: { strange_shop: strange, app_shop: connection } }
    writeFileSync(join(folder, 'local.json'), JSON.stringify({ from }))
  })

  after(() => {
    delete process.env['ROWSHIFT_UNIT_SECRET']
    rmSync(folder, { recursive: true })
  })

  for (const [url, what] of [
    ['mysql://app:${ROWSHIFT_UNIT_SECRET}@db1:3307/shop?table=t', 'a variable for the password'],
    ['mysql://app@db1:3307/shop?table=t', 'no password'],
    ['postgres://app:${ROWSHIFT_UNIT_SECRET}@db1/shop?table=t', 'another database type'],
  ] as const)
    it(`travel as they are written: a URL with ${what}`, async () => {
      const need = needOf(await fromUrl(url, '--from'))
      expect(need).to.deep.equal({ by: 'url', url })
      const found = await findConnections({ ...NEEDS, source: need, target: need }, config)
      if (url.includes('SECRET')) expect(found.source.connection['password']).to.equal('hidden')
    })

  for (const [url, what] of [
    ['mysql://app:hid%64en@db1:3307/shop?table=t', 'a password'],
    ['mysql://app:${ROWSHIFT_UNIT_SECRET}x@db1:3307/shop?table=t', 'a part of a password'],
  ] as const)
    it(`do not travel, but are found by where they lead: a URL with ${what}`, async () => {
      const need = needOf(await fromUrl(url, '--from'))
      expect(need.by).to.equal('database')
      expect(JSON.stringify(need)).not.to.match(/hid|SECRET|app/)
      const found = await findConnections({ ...NEEDS, source: need, target: need }, config)
      expect(found.source.connection['user']).to.equal('other')
    })

  it('are missed by name', async () => {
    const need = needOf(await connectionFromUrl('mysql://app:hidden@db2/shop', '--from'))
    const error = await failureOf(findConnections({ ...NEEDS, source: need, target: need }, config))
    expect(error.code).to.equal('CONNECTION_UNKNOWN')
    expect(error.message)
      .to.match(/db2.*shop/)
      .and.not.include('hidden')
    // What keeps secrets from people lets them read what to write.
    expect(redact(error.message)).to.include('${NAME}')
    const named = { by: 'task', side: 'to', type: 'mysql', app: 'app', db: 'gone' } as const
    const other = await failureOf(findConnections({ ...NEEDS, source: named, target: need }, config))
    expect(other.message).to.include('to.mysql.app_gone')
    // Of a plugin that this host does not have.
    const foreign = { by: 'url', url: 'nosuch://db/shop?table=t' } as const
    const unknown = await failureOf(findConnections({ ...NEEDS, source: foreign, target: need }, config))
    expect([unknown.code, unknown.retryable]).to.deep.equal(['PLUGIN_UNKNOWN', false])
    expect(unknown.message).to.include('connection nosuch://db/shop').and.to.include('"nosuch"')
  })

  it('are not looked for by a worker of another version', () => {
    const need = { by: 'name', name: 'from.mysql.app_shop' } as const
    const record = newRecord({
      runId: 'r',
      worker: 'split.js',
      jobsPerThread: 2,
      maxYoungGenerationSizeMb: null,
      setup: {},
      connections: { ...NEEDS, source: need, target: need },
      files: {},
      firstNumber: null,
      ofTables: false,
      source: '',
      target: '',
    })
    expect(readRecord(JSON.stringify(record))).to.deep.equal(record)
    for (const version of ['99.0.0', '0.99.0'])
      expect(() => readRecord(JSON.stringify({ ...record, version }))).to.throw(version)
    expect(() => readRecord(JSON.stringify({ ...record, format: 1 }))).to.throw('same version')
  })
})

async function failureOf(work: Promise<unknown>): Promise<RowshiftError> {
  return work.then(
    () => expect.fail('that is refused'),
    (error: unknown) => error as RowshiftError,
  )
}

describe('the begin of a run over many hosts', () => {
  const first = { run: 'first', rank: 0 }
  const second = { run: 'second', rank: 1 }
  const outcomeOf = (begun: Promise<void>) =>
    begun.then(
      () => 'begun',
      (error: Error) => error.message,
    )

  it('is tried again by other tables, and by the next job, when it fails', async () => {
    const asked: string[] = []
    const start = new HostStart(async (owner) => {
      asked.push(owner!.run)
      if (asked.length < 3) throw new Error(`failed for ${owner!.run}`)
    })
    const begin = (owner: JobOwner) => outcomeOf(start.begin(owner, () => {}))
    const outcomes = await Promise.all([begin(first), begin(first), begin(second)])
    expect(outcomes).to.deep.equal(['failed for first', 'failed for first', 'failed for second'])
    expect(await begin(first)).to.equal('begun')
    expect(await begin(second)).to.equal('begun')
    expect(asked).to.deep.equal(['first', 'second', 'first'])
  })

  it('is not tried again for a table that is to stop', async () => {
    const start = new HostStart(() => Promise.reject(new Error('failed')))
    const check = () => {
      throw new Error('stopped')
    }
    const outcomes = [start.begin(first, check), start.begin(second, check)].map(outcomeOf)
    expect(await Promise.all(outcomes)).to.deep.equal(['failed', 'stopped'])
  })
})
