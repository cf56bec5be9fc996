import type { Config } from '../config/config.js'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport, Task } from '../contract/task-store.js'
import type { ConfigOptions } from './options.js'
import { printFault } from './output.js'

/** Tells those whom the configuration names how a run of a task has ended. Never throws; takes no longer than a bound. */
export async function alertAfter(
  report: RunReport,
  task: Task | null,
  config: Config,
  options: ConfigOptions & { readonly repair?: boolean },
): Promise<void> {
  if (!config.has('alerts') && !config.has('roboter')) return
  try {
    const { alertConfigOf } = await import('../console/alert-config.js')
    const alerting = alertConfigOf(config)
    if (alerting === null) return
    const { alertOf } = await import('../console/alert-text.js')
    const who = {
      task: describeTask(task),
      args: configArgs(options)
        .map((arg) => ` ${arg}`)
        .join(''),
      repairs: options.repair === true,
    }
    const alert = alertOf(report, task?.task_status ?? null, who)
    if (alert === null) return
    const { Alerts } = await import('../console/alerts.js')
    await new Alerts(alerting, config.identity, printFault).raise(alert)
  } catch (thrown) {
    printFault(`No alert could be sent: ${RowshiftError.from(thrown).message}`)
  }
}

function describeTask(task: Task | null): string {
  if (task === null) return ''
  return (
    task.task_desc ||
    `${task.from_app}_${task.from_db}.${task.from_table} -> ${task.to_app}_${task.to_db}.${task.to_table}`
  )
}

/** As they are given to another command; none where they are the defaults. */
export function configArgs({ config, env }: ConfigOptions): string[] {
  return [...(config === 'etc' ? [] : ['-c', config]), ...(env === 'local' ? [] : ['-e', env])]
}
