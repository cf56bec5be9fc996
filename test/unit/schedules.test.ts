// What the console tells of scheduled runs that cannot tell it themselves. Its processes and its clock are played.
import { setImmediate as turn } from 'node:timers/promises'
import { mock } from 'node:test'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Alert } from '../../src/console/alert-text.js'
import type { Alerts } from '../../src/console/alerts.js'
import type { Begun, Ended } from '../../src/console/children.js'
import type { ConsoleService } from '../../src/console/console-service.js'
import { Schedules } from '../../src/console/schedules.js'
import { RowshiftError } from '../../src/contract/errors.js'
import { until } from '../support/until.js'

const MINUTE = 60_000
const KILLED: Ended = { code: null, result: null, errors: '' }
const COUNTS = { taskId: 5, rowsWritten: 3, seconds: 1, dirtyRows: 0, error: null, resumable: null }
const SUCCEEDED: Ended = { code: 0, result: { ...COUNTS, status: 'success', runId: 'r' }, errors: '' }
const NONE_STARTED = new RowshiftError('CONNECTION_LIMIT', 'The command could not be started.')

describe('schedules of the console', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.UTC(2026, 0, 1, 1, 59) }))
  afterEach(() => mock.timers.reset())

  /** A task that is due each night at two, whose runs end as `next` says, before they have said who they are. */
  class Night {
    readonly told: Alert[] = []
    readonly started: Date[] = []
    readonly #schedules: Schedules
    #next: () => Ended
    #ready = false

    constructor(next: () => Ended) {
      this.#next = next
      const task = {
        id: 5,
        online_status: 1,
        params: '{"cron": "0 2 * * *"}',
        task_status: 'success',
        task_desc: 't',
      }
      const store = { list: async () => [task], history: async () => [] }
      const startRun = async (): Promise<Begun> => {
        this.started.push(new Date())
        const ended = this.#next()
        return { run: null, ended, child: { pid: 1, ended: Promise.resolve(ended) } }
      }
      const console = {
        on: () => {},
        use: async (work: (from: typeof store) => unknown) => work(store),
        configArgs: [],
        children: { isFull: false, startRun },
      } as unknown as ConsoleService
      const alerts = {
        raise: async (alert: Alert) => void this.told.push(alert),
        flush: async () => void (this.#ready = true),
      } as unknown as Alerts
      this.#schedules = new Schedules(console, alerts, () => {})
    }

    ends(next: () => Ended): void {
      this.#next = next
    }

    /** The clock goes on, tick by tick as far as something is due. */
    async pass(milliseconds: number, step = MINUTE / 4): Promise<void> {
      await until('the schedules', () => this.#ready)
      for (let passed = 0; passed < milliseconds; passed += step) {
        for (let i = 0; i < 20; i++) await turn()
        mock.timers.tick(step)
        for (let i = 0; i < 20; i++) await turn()
      }
    }

    get events(): string[] {
      return this.told.map(({ event }) => event)
    }

    close(): void {
      this.#schedules.close()
    }
  }

  it('tell of a run that was killed before it said who it is, and that the next one succeeded', async () => {
    const night = new Night(() => KILLED)
    try {
      await night.pass(2 * MINUTE)
      expect(night.events).to.deep.equal(['failed'])
      expect(night.told[0]!.reason).to.include('killed')
      night.ends(() => SUCCEEDED)
      await night.pass(24 * 60 * MINUTE, 60 * MINUTE)
      expect(night.events).to.deep.equal(['failed', 'recovered'])
      expect(night.told[1]).to.include({ runId: 'r', rows: 3, command: null })
    } finally {
      night.close()
    }
  })

  it('try again soon where no process could be started, and tell it when that does not help', async () => {
    const refuse = () => {
      throw NONE_STARTED
    }
    const night = new Night(refuse)
    try {
      await night.pass(3 * MINUTE)
      expect(night.started.length).to.be.within(3, 5)
      expect(night.events).to.deep.equal([])
      night.ends(() => SUCCEEDED)
      await night.pass(20 * MINUTE)
      const once = night.started.length
      expect(night.events).to.deep.equal([])
      night.ends(refuse)
      await night.pass(24.5 * 60 * MINUTE, MINUTE)
      expect(night.started.length).to.equal(once + 20)
      expect(night.events).to.deep.equal(['failed'])
      expect(night.told[0]!.reason).to.include('could not be started')
    } finally {
      night.close()
    }
  })
})
