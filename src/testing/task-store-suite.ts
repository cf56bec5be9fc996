import assert from 'node:assert/strict'
import type { Connection } from '../contract/endpoint.js'
import type { Plugin } from '../contract/plugin.js'
import type { RunRecord, Task, TaskStore } from '../contract/task-store.js'
import type { Runner } from './runner.js'
import { assertHas, failsWith, runnerOf } from './runner.js'

/** What the suite must know of a task store. */
export interface TaskStoreSuite {
  readonly plugin: Plugin
  /** An empty place for the tables of a task store; called once for each test. */
  open(): Promise<Connection>
  /** Stores a task, as users do: by other means than the plugin. */
  addTask(connection: Connection, task: Task): Promise<void>
}

/** Checks that the plugin keeps tasks, locks, watermarks and the history as the contract says. */
export function describeTaskStore(name: string, suite: TaskStoreSuite, runner?: Runner): void {
  const { describe, it } = runnerOf(runner)
  assertHas(suite.plugin, 'createTaskStore')
  describe(`${name} as a task store`, () => {
    it('throws TASK_STORE_MISSING before init, which says what it makes, once', () =>
      withStores(suite, async ({ open }) => {
        const store = await open()
        await failsWith('TASK_STORE_MISSING', () => store.list())
        assert.ok((await store.init()).length > 0, 'init resolves to the names of what it made')
        assert.deepEqual(await store.init(), [])
        assert.deepEqual(await store.list(), [])
      }))

    it('lists tasks, and gets one, with all their fields', () =>
      withStores(suite, async ({ ready, connection }) => {
        const store = await ready()
        const tasks = [task(1), task(2, { params: null, task_desc: null, from_table: 'größe' })]
        for (const each of tasks) await suite.addTask(connection, each)
        const found = [...(await store.list())].sort((a, b) => a.id - b.id)
        assert.deepEqual(found.map(fieldsOf), tasks.map(fieldsOf))
        assert.deepEqual(fieldsOf((await store.get(2))!), fieldsOf(tasks[1]!))
        assert.equal(await store.get(3), null)
      }))

    it('gives the lock of a task to one store at a time', () =>
      withStores(suite, async ({ ready }) => {
        const [one, two] = [await ready(), await ready()]
        assert.equal(await one.lock(7), true)
        assert.equal(await two.lock(7), false, 'the lock is taken')
        assert.equal(await one.renewLock(7), 'held')
        await one.unlock(7)
        assert.equal(await two.lock(7), true, 'the lock was given back')
        assert.equal(await one.lock(7), false)
      }))

    it('frees the lock at once when the store is closed', () =>
      withStores(suite, async ({ ready }) => {
        const [one, two] = [await ready(), await ready()]
        assert.equal(await one.lock(7), true)
        await one.close()
        assert.equal(await two.lock(7), true)
      }))

    it('does not let the lock of one task be in the way of another', () =>
      withStores(suite, async ({ ready }) => {
        const [one, two] = [await ready(), await ready()]
        assert.deepEqual([await one.lock(7), await two.lock(8)], [true, true])
      }))

    it('gives the lock to one of several stores that ask at the same time', () =>
      withStores(suite, async ({ ready }) => {
        const stores = [await ready(), await ready(), await ready()]
        const got = await Promise.all(stores.map((store) => store.lock(7)))
        assert.equal(got.filter(Boolean).length, 1)
      }))

    it('sets the status of a task', () =>
      withStores(suite, async ({ ready, connection }) => {
        const store = await ready()
        for (const id of [1, 2]) await suite.addTask(connection, task(id))
        await store.setStatus(1, 'running')
        await store.setStatus(1, 'success')
        assert.equal((await store.get(1))!.task_status, 'success')
        assert.equal((await store.get(2))!.task_status, task(2).task_status)
      }))

    it('adds, changes and removes tasks', () =>
      withStores(suite, async ({ ready }) => {
        const store = await ready()
        const {
          id: _,
          task_status: __,
          ...fields
        } = task(0, { task_desc: "it's größe \\ ${x}", owner: null })
        const [one, two] = [await store.add(fields), await store.add({ ...fields, online_status: 0 })]
        assert.notEqual(one, two)
        const added = { ...fields, id: one, task_status: null }
        assert.deepEqual(fieldsOf((await store.get(one))!), fieldsOf(added))
        assert.equal(await store.change(one, { from_table: 'other', owner: 'somebody' }), true)
        assert.deepEqual(
          fieldsOf((await store.get(one))!),
          fieldsOf({ ...added, from_table: 'other', owner: 'somebody' }),
        )
        assert.equal((await store.get(two))!.from_table, fields.from_table)
        await store.saveWatermarks(one, run(0).run_id, { append: '5' })
        assert.equal(await store.remove(one), true)
        assert.deepEqual([await store.get(one), await store.watermarks(one)], [null, {}])
        assert.deepEqual([await store.change(one, { owner: null }), await store.remove(one)], [false, false])
      }))

    it('keeps the history, newest first, of one task and of all', () =>
      withStores(suite, async ({ ready }) => {
        const store = await ready()
        const report = JSON.stringify({ text: 'größe 🙂 \\ \' "', long: 'x'.repeat(20_000) })
        for (const [i, id] of [1, 2, 1].entries()) {
          await store.startRun(run(i, { task_id: id }))
          await store.finishRun(
            run(i, { task_id: id, status: 'success', rows_read: i, report, end_time: timeOf(i + 1) }),
          )
        }
        const ids = async (...asked: Parameters<TaskStore['history']>) =>
          (await store.history(...asked)).map(({ run_id }) => run_id)
        assert.deepEqual(
          await ids(null, 10),
          [run(2), run(1), run(0)].map(({ run_id }) => run_id),
        )
        assert.deepEqual(
          await ids(1, 10),
          [run(2), run(0)].map(({ run_id }) => run_id),
        )
        assert.deepEqual(await ids(null, 1), [run(2).run_id])
        // A comparison looks only, so that whoever asks for runs is not given one.
        await store.startRun(run(3, { task_id: 3, mode: 'verify', status: 'failed', end_time: timeOf(4) }))
        await store.startRun(run(4, { task_id: 4, mode: 'sync', status: 'success', end_time: timeOf(5) }))
        assert.deepEqual([await ids(3, 10), await ids(4, 10)], [[], [run(4).run_id]])
        assert.deepEqual(await ids(null, 10, 'comparisons'), [run(4).run_id, run(3).run_id])
        assert.deepEqual(await ids(3, 10, 'comparisons'), [run(3).run_id])
        assert.equal((await store.run(run(1).run_id))?.task_id, 2)
        assert.equal(await store.run('none'), null)
        const [newest] = await store.history(1, 1)
        const wanted = run(2, { status: 'success', rows_read: 2, report, end_time: timeOf(3) })
        for (const [field, value] of Object.entries(wanted))
          assert.ok(
            newest![field as keyof RunRecord] === value,
            `${field} of a run comes back as it was kept`,
          )
      }))

    it('keeps the end of a run whose record was deleted meanwhile', () =>
      withStores(suite, async ({ ready }) => {
        const store = await ready()
        await store.finishRun(run(3, { status: 'success', end_time: timeOf(4) }))
        assert.deepEqual(
          (await store.history(1, 10)).map(({ run_id, status }) => [run_id, status]),
          [[run(3).run_id, 'success']],
        )
      }))

    it('marks runs as interrupted that are still running, and gives them as they were', () =>
      withStores(suite, async ({ ready }) => {
        const store = await ready()
        await store.startRun(run(0))
        await store.startRun(run(1))
        await store.finishRun(run(1, { status: 'success', end_time: timeOf(2) }))
        await store.startRun(run(2, { task_id: 2 }))
        const dead = await store.interruptRuns(1)
        assert.deepEqual(
          dead.map(({ run_id, host, pid }) => [run_id, host, pid]),
          [[run(0).run_id, 'here', 4711]],
        )
        const states = (await store.history(null, 10)).map(({ status }) => status)
        assert.deepEqual(states, ['running', 'success', 'interrupted'])
        assert.deepEqual(await store.interruptRuns(1), [])
      }))

    it('remembers watermarks exactly, by task and mode, and forgets them', () =>
      withStores(suite, async ({ ready }) => {
        const store = await ready()
        assert.deepEqual(await store.watermarks(1), {})
        const marks = { append: '9223372036854775807', increment: '2024-02-29 23:59:59.123456' }
        await store.saveWatermarks(1, run(0).run_id, marks)
        await store.saveWatermarks(2, run(0).run_id, { append: '5' })
        assert.deepEqual(await store.watermarks(1), marks)
        await store.saveWatermarks(1, run(1).run_id, { append: null, increment: 'ä 🙂' })
        assert.deepEqual(await (await ready()).watermarks(1), { increment: 'ä 🙂' })
        assert.deepEqual(await store.watermarks(2), { append: '5' })
      }))

    it('closes when it was never opened, and twice', () =>
      withStores(suite, async ({ ready, connection }) => {
        await suite.plugin.createTaskStore!(connection).close()
        const store = await ready()
        await store.close()
        await store.close()
      }))
  })
}

interface Stores {
  readonly connection: Connection
  readonly open: () => Promise<TaskStore>
  /** With its tables. */
  readonly ready: () => Promise<TaskStore>
}

/** Stores of one place, which are closed afterwards. */
async function withStores(suite: TaskStoreSuite, work: (stores: Stores) => Promise<void>): Promise<void> {
  const connection = await suite.open()
  const stores: TaskStore[] = []
  const open = async () => {
    const store = suite.plugin.createTaskStore!(connection)
    stores.push(store)
    await store.connect()
    return store
  }
  const ready = async () => {
    const store = await open()
    await store.init()
    return store
  }
  try {
    await work({ connection, open, ready })
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}

function task(id: number, fields: Partial<Task> = {}): Task {
  return {
    id,
    from_app: 'shop',
    from_db_type: 'one',
    from_db: 'db',
    from_table: 'orders',
    to_app: 'shop',
    to_db_type: 'two',
    to_db: 'db',
    to_table: 'orders_copy',
    params: '{"where": "a = \'\\\\b\'"}',
    online_status: 1,
    task_desc: 'describes it',
    task_status: '1',
    owner: 'somebody',
    ...fields,
  }
}

/** A store may keep more than a task has. */
function fieldsOf(found: Task): unknown {
  return Object.keys(task(0)).map((name) => [name, found[name as keyof Task]])
}

function timeOf(minute: number): string {
  return `2026-01-02 03:0${minute}:05`
}

function run(minute: number, fields: Partial<RunRecord> = {}): RunRecord {
  return {
    run_id: `20260102-030${minute}05-000-abcd`,
    task_id: 1,
    mode: 'init',
    status: 'running',
    start_time: timeOf(minute),
    end_time: null,
    rows_read: 0,
    rows_written: 0,
    host: 'here',
    pid: 4711,
    report: null,
    ...fields,
  }
}
