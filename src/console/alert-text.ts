import type { RunReport } from '../contract/task-store.js'
import { redact } from '../contract/errors.js'
import { alertEvents, type AlertConfig, type AlertEvent } from './alert-config.js'

/** Something that somebody should know. Plain JSON, without secrets. */
export interface Alert {
  readonly event: AlertEvent
  readonly taskId: number | null
  readonly runId: string | null
  /** `2026-01-02 03:04:05` UTC */
  readonly at: string
  /** What the task is: its description, or its tables. */
  readonly task: string
  readonly rows: number
  readonly seconds: number
  readonly rejected: number
  readonly code: string | null
  readonly reason: string | null
  /** What goes on from here. */
  readonly command: string | null
}

const MOST_REASON = 500

const WORDS = {
  en: {
    failed: 'failed',
    recovered: 'is well again',
    late: 'is late',
    differs: 'differs from its source',
    rejected: 'has rejected rows',
    rows: 'rows in',
    reject: 'rows rejected',
    reason: 'Reason',
    go: 'To go on',
    more: 'Not told before',
    task: 'Task',
  },
  zh: {
    failed: '失败',
    recovered: '已恢复',
    late: '未按时成功',
    differs: '与来源不一致',
    rejected: '有被拒绝的行',
    rows: '行，耗时',
    reject: '行被拒绝',
    reason: '原因',
    go: '继续执行',
    more: '此前未通知',
    task: '任务',
  },
} as const

/** What a person reads: of the newest alert all, of those that were held back how many of each kind. */
export function alertText(alerts: readonly Alert[], language: AlertConfig['language']): string {
  const words = WORDS[language]
  const alert = alerts.at(-1)!
  const title = `[rowshift] ${words.task} ${alert.taskId ?? '-'} ${words[alert.event]}${alert.code === null ? '' : `: ${alert.code}`}`
  const figures = [
    ...(alert.task === '' ? [] : [alert.task]),
    ...(alert.runId === null
      ? []
      : [`${alert.rows.toLocaleString('en-US')} ${words.rows} ${alert.seconds.toFixed(1)} s`]),
    ...(alert.rejected === 0 ? [] : [`${alert.rejected.toLocaleString('en-US')} ${words.reject}`]),
    `${alert.at} UTC`,
  ]
  const held = alerts.slice(0, -1)
  const counts = alertEvents.flatMap((event) => {
    const some = held.filter((each) => each.event === event).length
    return some === 0 ? [] : [`${words[event]} × ${some}`]
  })
  return [
    title,
    figures.join(' · '),
    ...(alert.reason === null ? [] : [`${words.reason}: ${alert.reason}`]),
    ...(alert.command === null ? [] : [`${words.go}: ${alert.command}`]),
    ...(counts.length === 0 ? [] : [`${words.more}: ${counts.join(', ')}`]),
  ].join('\n')
}

/** What the end of a run says; null: nothing that anybody should be told. `before`: what its task had for a status. */
export function alertOf(
  report: RunReport,
  before: string | null,
  who: { readonly task: string; readonly args: string; readonly repairs: boolean },
): Alert | null {
  const event = eventOf(report, before)
  if (event === null) return null
  const { taskId, runId, rowsWritten: rows, seconds, dirtyRows: rejected, error, resumable } = report
  const repair = `rowshift verify ${taskId}${who.args} --repair`
  const again = taskId === null ? null : who.repairs ? repair : `rowshift run ${taskId}${who.args}`
  return {
    event,
    taskId,
    runId,
    at: new Date().toISOString().slice(0, 19).replace('T', ' '),
    task: redact(who.task),
    rows,
    seconds,
    rejected,
    code: error?.code ?? null,
    reason: error === null ? null : redact(error.message).slice(0, MOST_REASON),
    command:
      event === 'differs'
        ? repair
        : event === 'failed'
          ? resumable === null
            ? again
            : `rowshift resume ${runId}${who.args}`
          : null,
  }
}

function eventOf({ status, error, dirtyRows }: RunReport, before: string | null): AlertEvent | null {
  if (error?.code === 'DIFFERENT') return 'differs'
  // Somebody stopped it, or another run is at it: nobody has to be told.
  if (status === 'failed') return error?.code === 'TASK_RUNNING' ? null : 'failed'
  if (status !== 'success') return null
  if (before === 'failed') return 'recovered'
  return dirtyRows > 0 ? 'rejected' : null
}
