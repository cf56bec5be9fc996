import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { fromUrl } from '../../src/config/config.js'
import { runCopy } from '../../src/engine/job.js'
import type { Progress } from '../../src/engine/progress.js'
import { newRunId } from '../../src/engine/report.js'
import { runVerify } from '../../src/features/verify/job.js'
import { readParams } from '../../src/task/params.js'
import { Fixture } from './sqlite-fixture.js'

describe('a run that is interrupted', function () {
  this.timeout(60_000)
  const fixture = new Fixture()
  after(() => fixture.remove())

  async function request(targetSql: string) {
    const from = fixture.create('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)', (database) =>
      database.run("INSERT INTO t VALUES (1, 'a')"),
    )
    const to = fixture.create(targetSql)
    const at = (path: string) => fromUrl(`sqlite:${path}?table=t`, '--from')
    return { runId: newRunId(), taskId: null, from: await at(from), to: await at(to), params: readParams({}) }
  }

  /** Interrupts it right after the only split has ended: the run has yet to close its threads and connections. */
  function hooks() {
    const stop = new AbortController()
    const onProgress = ({ splits, active }: Progress) => {
      if (splits > 0 && active.size === 0) setImmediate(() => stop.abort())
    }
    return { signal: stop.signal, onPlan: () => {}, onProgress }
  }

  it('after it has failed says why it failed', async () => {
    const copied = await runCopy(
      await request("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT CHECK (v <> 'a'))"),
      hooks(),
    )
    expect(copied).to.have.property('status', 'failed')
    expect(copied.error).to.include({ code: 'DATA_REJECTED' })
  })

  it('before it has failed is interrupted', async () => {
    const stop = new AbortController()
    stop.abort()
    const asked = await request('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)')
    const own = { ...hooks(), signal: stop.signal }
    const copied = await runCopy(asked, own)
    const compared = await runVerify({ ...asked, mode: 'verify', sample: 100 }, own)
    for (const { error } of [copied, compared]) expect(error).to.include({ code: 'INTERRUPTED' })
  })
})
