import { randomUUID } from 'node:crypto'
import { failpoint } from '../failpoint.js'
import type { TaskFields } from '../contract/task-store.js'
import type { SqlSession } from './session.js'
import { fieldsIn, NOW, TASKS } from './task-tables.js'
import { inTransaction } from './transaction.js'

/** All or none of the statements. */
export function runAll(session: SqlSession, statements: readonly string[]): Promise<void> {
  return inTransaction(session, async () => {
    for (const sql of statements) await session.query(sql)
    failpoint('store-writing')
  })
}

/** Resolves to the id of the new task. Not every database says which id it gave, so the row is found by a mark that no other has. */
export function addTask(
  session: SqlSession,
  task: TaskFields,
  literal: (value: string | number | null) => string,
): Promise<number> {
  const mark = literal(`adding ${randomUUID()}`)
  const fields = fieldsIn(task)
  const columns = [...fields.map(([name]) => name), 'task_status', 'create_time', 'update_time'].join()
  const values = [...fields.map(([, value]) => literal(value)), mark, NOW, NOW].join()
  return inTransaction(session, async () => {
    await session.query(`INSERT INTO ${TASKS} (${columns}) VALUES (${values})`)
    const [row] = await session.query(`SELECT id FROM ${TASKS} WHERE task_status = ${mark}`)
    const id = Number(row![0])
    await session.query(`UPDATE ${TASKS} SET task_status = NULL WHERE id = ${id}`)
    return id
  })
}
