/** How people add and change tasks, by the command line or in the browser: what they may say, and what is checked. */
import type { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { Task, TaskFields } from '../contract/task-store.js'
import { didYouMean } from '../suggest.js'
import { datesReplaced } from './params-options.js'
import { readParams } from './params.js'
import { rawParams } from './raw-params.js'

const NOTHING: TaskFields = {
  from_app: null,
  from_db_type: null,
  from_db: null,
  from_table: null,
  to_app: null,
  to_db_type: null,
  to_db: null,
  to_table: null,
  params: null,
  online_status: 0,
  task_desc: null,
  owner: null,
}

export const taskFieldNames = Object.keys(NOTHING) as readonly (keyof TaskFields)[]

/** A task as it is to be, of what was said and what it was; null: it is new. Throws when it could not run. */
export async function taskWith(
  change: Partial<TaskFields>,
  before: Task | null,
  config: Config,
): Promise<TaskFields> {
  const { id: _, task_status: __, ...was } = before ?? { ...NOTHING, id: 0, task_status: null }
  const task = { ...was, ...change }
  const raw = rawParams(task.params)
  readParams(datesReplaced(raw), config.folder)
  const { cron } = raw as { readonly cron?: unknown }
  if (cron !== undefined) {
    const { cronOf } = await import('./cron.js')
    await cronOf(task.params)
  }
  for (const side of ['from', 'to'] as const) await checkSide(task, side, config)
  return task
}

/** Only what is wrong whoever runs the task: a variable may be set elsewhere. */
async function checkSide(task: TaskFields, side: 'from' | 'to', config: Config): Promise<void> {
  const [app, type, db, table] = (['app', 'db_type', 'db', 'table'] as const).map((name) => {
    const value = task[`${side}_${name}`]
    if (value !== null && value !== '') return value
    throw new RowshiftError(
      'PARAMS_INVALID',
      `The task has no ${side}_${name}: --${side} TYPE:APP/DB/TABLE says where it ${side === 'from' ? 'reads' : 'writes'}.`,
    )
  })
  try {
    await config.connection(side, type!, app!, db!)
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    if (error.code !== 'VARIABLE_MISSING') throw error
  }
  if (/[\p{Cc}]/u.test(table!))
    throw new RowshiftError('PARAMS_INVALID', `${side}_table has control characters.`)
}

/** `TYPE:APP/DB/TABLE` of the command line. Throws USAGE. */
export function sideFields(side: 'from' | 'to', text: string): Partial<TaskFields> {
  // A type may be the path of a module, the table may hold anything.
  const [, type, app, db, table] = /^(.+?):([^/]+)\/([^/]+)\/(.+)$/s.exec(text) ?? []
  if (type === undefined || text.includes('://'))
    throw new RowshiftError(
      'USAGE',
      `--${side} of a task is TYPE:APP/DB/TABLE, whose connection is "${side}.TYPE.APP_DB" in the configuration.`,
    )
  return {
    [`${side}_db_type`]: type,
    [`${side}_app`]: app,
    [`${side}_db`]: db,
    [`${side}_table`]: table,
  }
}

/** Fields that came from outside, of which nothing is known yet. Throws USAGE. */
export function checkedFields(value: unknown): Partial<TaskFields> {
  const entries = Object.entries(value ?? {}).map(([name, field]: [string, unknown]) => {
    if (!taskFieldNames.includes(name as keyof TaskFields))
      throw new RowshiftError(
        'USAGE',
        `A task has no field "${name}"${didYouMean(name, taskFieldNames) || '.'}`,
      )
    const wanted = name === 'online_status' ? 'number' : 'string'
    const params = name === 'params' && typeof field === 'object' && field !== null
    if (field !== null && !params && typeof field !== wanted)
      throw new RowshiftError('USAGE', `The field "${name}" of a task is a ${wanted} or null.`)
    return [name, params ? JSON.stringify(field) : field] as const
  })
  return Object.fromEntries(entries)
}
