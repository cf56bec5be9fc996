import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { ErrorCode } from '../../src/contract/errors.js'
import type { Failure } from '../../src/engine/messages.js'
import type { Attempt } from '../../src/engine/retry.js'
import { withRetries } from '../../src/engine/retry.js'
import { failure, NEVER } from './sqlite-fixture.js'

const POLICY = { attempts: 5, maxWait: 0.001 }

function failed(code: ErrorCode, message: string, inDoubt: boolean, repeatable = true): Failure {
  return {
    outcome: 'failed',
    error: { code, message, details: inDoubt ? { inDoubt } : {} },
    repeatable,
    gaveUp: null,
  }
}

/** Runs a job whose attempts end so, one after another. */
function attempts(results: (Failure | Error)[], asked: boolean[] = []) {
  const run = async ({ inDoubt }: Attempt) => {
    asked.push(inDoubt)
    const result = results.shift()!
    if (result instanceof Error) throw result
    return result
  }
  return withRetries(run, POLICY, NEVER, () => {})
}

describe('a job that is run again', () => {
  it('may be stored, if an attempt before the last one has left that open', async () => {
    const lost = failed('CONNECTION_LOST', 'No answer to the commit.', true)
    const asked: boolean[] = []
    const locked = failed('LOCK_CONFLICT', 'Locked.', false)
    const refused = failed('DATA_REJECTED', 'Too long.', false, false)
    const error = await failure(attempts([locked, lost, locked, refused], asked))
    expect(asked).to.deep.equal([false, false, true, true])
    expect(error).to.include({ code: 'DATA_REJECTED', message: 'Too long. No answer to the commit.' })
    expect(error.details).to.deep.equal({ inDoubt: true })
    const dead = await failure(attempts([lost, new Error('dead')]))
    expect(dead.details).to.include({ inDoubt: true })
    const twice = await failure(attempts([lost, { ...lost, repeatable: false }]))
    expect(twice.message, 'said once').to.equal('No answer to the commit.')
    expect((await failure(attempts([locked, refused]))).details).to.deep.equal({})
  })

  it('gets smaller statements when they were too large, or connections were lost twice while rows were written', async () => {
    const lost = failed('CONNECTION_LOST', 'Lost.', false)
    const results = [
      { ...lost, writing: true },
      lost,
      { ...lost, writing: true },
      failed('PACKET_TOO_LARGE', 'Packet too large.', false),
      failed('LOCK_CONFLICT', 'Locked.', false),
      { outcome: 'copied' as const },
    ]
    const asked: number[] = []
    const run = async ({ tooLarge }: Attempt) => {
      asked.push(tooLarge)
      return results.shift()!
    }
    await withRetries<Failure | { outcome: 'copied' }>(run, POLICY, NEVER, () => {})
    expect(asked).to.deep.equal([0, 0, 0, 1, 2, 2])
  })

  it('is interrupted, not failed, when the run ends while it waits or before', async () => {
    for (const inDoubt of [false, true]) {
      for (const early of [false, true]) {
        const stop = new AbortController()
        const run = async () => {
          if (early) stop.abort()
          return failed('LOCK_CONFLICT', 'Locked.', inDoubt)
        }
        const error = await failure(
          withRetries(run, { attempts: 5, maxWait: 1_000 }, stop.signal, () => stop.abort()),
        )
        expect(error.code).to.equal('INTERRUPTED')
        expect(error.details).to.deep.equal(inDoubt ? { inDoubt } : {})
      }
    }
  })
})
