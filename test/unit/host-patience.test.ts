// For how long a coordinator misses its workers, by a clock that the test moves.
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { HostBeat } from '../../src/features/hosts/host-beat.js'
import { HostPatience, PATIENCE_MS } from '../../src/features/hosts/host-patience.js'
import type { HostStore } from '../../src/features/hosts/store.js'

describe('the patience of a coordinator', () => {
  let at = 0
  const store = { where: 'redis://queue', lostMs: 0 } as HostStore
  const refused = { code: 'HOSTS_REFUSED', message: 'No table.', details: {} } as const
  const refusing: HostBeat = { name: 'host', threads: 0, rowsPerSecond: 0, active: [], refused }

  beforeEach(() => Object.defineProperty(performance, 'now', { value: () => at, configurable: true }))
  afterEach(() => Reflect.deleteProperty(performance, 'now'))

  it('has no end while there are no splits for workers', () => {
    const patience = new HostPatience(store)
    patience.begin()
    for (let i = 0; i < 2; i++) {
      patience.heard([refusing], 0, false)
      at += 2 * PATIENCE_MS
    }
    patience.heard([], 0, false)
    patience.check()
  })

  it('ends where there are some, and nobody takes part, or all refuse', () => {
    const patience = new HostPatience(store)
    patience.begin()
    patience.heard([], 0, true)
    at += 2 * PATIENCE_MS
    expect(() => patience.check()).to.throw('no worker took part')
    patience.heard([refusing], 0, true)
    at += PATIENCE_MS
    expect(() => patience.heard([refusing], 0, true)).to.throw(
      'No worker can take part in the run. host: No table.',
    )
  })
})
