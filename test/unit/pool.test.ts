import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { noneConnected } from '../../src/engine/messages.js'
import { WorkerPool } from '../../src/engine/pool.js'
import type { PoolJob, PoolResult } from '../support/pool-worker.js'
import { failure } from './sqlite-fixture.js'

describe('a pool of threads', () => {
  let pool: WorkerPool<PoolJob, PoolResult>
  let onBegun = () => {}

  function start(threads: number): void {
    pool = new WorkerPool({
      worker: '../test/support/pool-worker.js',
      threads,
      setup: { control: `rowshift-test-pool-${process.pid}`, connected: noneConnected() },
      replaces: true,
      onMessage: () => onBegun(),
      onError: () => {},
      onRetired: () => {},
    })
  }

  async function answer(): Promise<number> {
    const result = await pool.run({ what: 'answer' }, false)
    return result.outcome === 'done' ? result.thread : expect.fail('it has failed')
  }

  afterEach(() => pool.close())

  it('lets a thread that rests go on when the only one that works gives up', async () => {
    start(2)
    const both = await Promise.all([answer(), answer(), answer(), answer()])
    const [first, second] = [...new Set(both)].sort((a, b) => a - b)
    expect(second).to.be.a('number')
    pool.allow(1)
    expect(await answer()).to.equal(first)
    expect(await pool.run({ what: 'give up' }, false)).to.include({ gaveUp: first })
    expect(pool.workingThreads).to.equal(1)
    expect(await answer()).to.equal(second)
  })

  it('starts another thread when all have given up', async () => {
    start(1)
    const first = await answer()
    expect(await pool.run({ what: 'give up' }, false)).to.include({ gaveUp: first })
    expect(await answer()).not.to.equal(first)
    expect(pool.gaveUp).to.equal('went on with 1 of 2 threads: No more connections')
  })

  it('ends the jobs that wait for a thread when it is aborted, whatever the threads are at', async () => {
    start(1)
    const begun = new Promise<void>((resolve) => (onBegun = resolve))
    let ended = false
    void pool
      .run({ what: 'hang' }, false)
      .finally(() => (ended = true))
      .catch(() => {})
    const waiting = [failure(answer()), failure(answer())]
    await begun
    pool.abort()
    for (const error of await Promise.all(waiting)) expect(error.code).to.equal('INTERRUPTED')
    expect(ended, 'what a thread has in hand is for that thread to end').to.equal(false)
    expect((await failure(answer())).code).to.equal('INTERRUPTED')
  })
})
