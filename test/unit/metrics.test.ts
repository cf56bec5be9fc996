// What /metrics counts of runs that went on with others.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { LiveRuns } from '../../src/console/live-runs.js'
import { Metrics } from '../../src/console/metrics.js'
import type { RunRecord, RunReport, RunStatus } from '../../src/contract/task-store.js'

function record(run_id: string, status: RunStatus, report: Partial<RunReport> | null): RunRecord {
  const times = { start_time: '2026-01-01 00:00:00', end_time: '2026-01-01 00:00:10' }
  const { rowsRead = 0, rowsWritten = 0 } = report ?? {}
  const facts = {
    task_id: 5,
    mode: 'init',
    rows_read: rowsRead,
    rows_written: rowsWritten,
    host: null,
    pid: null,
  }
  return { run_id, status, ...facts, ...times, report: report && JSON.stringify(report) }
}

/** So many rows of each kind. */
function rows(read: number, written: number, rejected: number) {
  return { rowsRead: read, rowsWritten: written, dirtyRows: rejected, bytes: 10 * read }
}

const resumed = (run: string, attempt: number, before: ReturnType<typeof rows>) => ({
  resumed: { run, attempt, splits: 1, ...before },
})

/** What is counted of runs that end one after another; those of `before` have ended when it begins. */
async function counted(ends: readonly RunRecord[], before: readonly RunRecord[] = []) {
  const live = new LiveRuns()
  let seen: readonly RunRecord[] = before
  const setup = { live, history: async () => seen.toReversed(), run: async () => [], tasks: async () => [5] }
  try {
    const metrics = await Metrics.create(setup)
    await metrics.look()
    for (const end of ends) {
      seen = [...seen, end]
      await metrics.look()
    }
    const text = await metrics.text()
    const lines = text.split('\n')
    const value = (name: string) =>
      Number(lines.find((line) => line.startsWith(`rowshift_${name} `))?.split(' ')[1] ?? 0)
    return {
      read: value('rows_total{task="5",what="read"}'),
      written: value('rows_total{task="5",what="written"}'),
      rejected: value('rejected_rows_total{task="5"}'),
      bytes: value('bytes_total{task="5"}'),
      retries: value('retries_total{task="5",code="LOCK_CONFLICT"}'),
      interrupted: value('runs_total{task="5",status="interrupted"}'),
      lag: value('increment_lag_seconds{task="5"}'),
    }
  } finally {
    live.close()
  }
}

const retried = { retries: 1, retryReasons: { LOCK_CONFLICT: 1 } }
const first = rows(100, 90, 10)
const all = rows(300, 280, 20)

describe('metrics of a run that goes on with another', () => {
  it('count each row once', async () => {
    const ends = [
      record('a', 'interrupted', { ...first, ...retried }),
      record('b', 'success', { ...all, ...retried, ...resumed('a', 2, first) }),
    ]
    expect(await counted(ends)).to.deep.equal({
      read: 300,
      written: 280,
      rejected: 20,
      bytes: 3000,
      retries: 2,
      interrupted: 1,
      lag: 0,
    })
  })

  it('count what a run has done that was killed, when the next one tells', async () => {
    const ends = [
      record('a', 'interrupted', null),
      record('b', 'interrupted', null),
      record('c', 'interrupted', { ...first, ...resumed('a', 3, rows(50, 50, 0)) }),
      record('d', 'interrupted', null),
      record('e', 'success', { ...all, ...resumed('a', 5, rows(200, 190, 10)) }),
    ]
    const sum = { read: 300, written: 280, rejected: 20, bytes: 3000, retries: 0, interrupted: 4, lag: 0 }
    expect(await counted(ends)).to.deep.equal(sum)
  })

  it('count each row once of several tables, of which each goes on with a run of its own', async () => {
    const tables = { tables: [] } as object
    const ends = [
      record('a', 'interrupted', { ...rows(500, 500, 0), ...tables }),
      // One table goes on, and another begins.
      record('b', 'interrupted', {
        ...rows(5800, 5800, 0),
        ...tables,
        ...resumed('a1', 2, rows(500, 500, 0)),
      }),
      record('c', 'success', { ...rows(1000, 1000, 0), ...tables, ...resumed('a1', 3, rows(800, 800, 0)) }),
    ]
    expect(await counted(ends)).to.include({ read: 6000, written: 6000, bytes: 60_000 })
  })

  it('count what killed runs of several tables have done, too', async () => {
    const table = (runId: string, status: string, counts: object) => ({ table: runId, runId, status, counts })
    const note = (...tables: object[]) => ({ mode: 'init', tables, done: [] }) as object
    const ends = [
      record('a', 'interrupted', {
        ...rows(150, 150, 0),
        status: 'interrupted',
        ...note(table('a1', 'success', rows(100, 100, 0)), table('a2', 'interrupted', rows(50, 50, 0))),
      }),
      // It went on with the second, did a third, and was killed in a fourth.
      record('b', 'interrupted', note(table('b3', 'success', rows(10, 10, 0)))),
      record('c', 'success', {
        ...rows(500, 500, 0),
        status: 'success',
        ...note(
          table('c2', 'success', { ...rows(300, 300, 0), ...resumed('a2', 3, rows(200, 200, 0)) }),
          table('c4', 'success', { ...rows(200, 200, 0), ...resumed('b4', 2, rows(150, 150, 0)) }),
        ),
        ...resumed('a2', 3, rows(350, 350, 0)),
      }),
    ]
    expect(await counted(ends)).to.include({ read: 610, written: 610, bytes: 6100, interrupted: 2 })
  })

  it('count it also where a run that found no table came between', async () => {
    const of = (status: string, ...tables: object[]) => ({ mode: 'init', status, tables, done: [] }) as object
    const counts = { ...rows(200, 200, 0), ...resumed('a1', 2, rows(150, 150, 0)) }
    const ends = [
      record('a', 'interrupted', { mode: 'init', tables: [], done: [] } as object),
      record('b', 'failed', of('failed')),
      record('c', 'success', {
        ...rows(200, 200, 0),
        ...of('success', { table: 't', runId: 'c1', status: 'success', counts }),
      }),
    ]
    expect(await counted(ends)).to.include({ read: 200, written: 200, bytes: 2000 })
  })

  it('leave out what was done before they began', async () => {
    const last = record('b', 'success', { ...all, ...resumed('a', 2, first) })
    expect(await counted([last], [record('a', 'interrupted', first)])).to.include({
      read: 200,
      written: 190,
      rejected: 10,
      bytes: 2000,
    })
  })
})

describe('metrics of increments', () => {
  it('say how far one by time is behind, in whatever zone its times are, and nothing of numbers', async () => {
    const increment = { mode: 'increment', status: 'success', seconds: 2 } as const
    // A number is no year, and the time of a server may be another one than ours.
    const versions = { ...increment, watermark: { from: null, to: '1500' } }
    expect((await counted([record('a', 'success', versions)])).lag).to.equal(0)
    const times = { ...increment, watermark: { from: null, to: '2026-01-01 08:00:00' }, secondsBehind: 3 }
    expect((await counted([record('a', 'success', times)])).lag).to.equal(5)
  })
})
