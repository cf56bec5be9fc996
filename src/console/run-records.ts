/** Runs and tasks as pages and the API show them: from the history, from what is under way, and without secrets. */
import { redact } from '../contract/errors.js'
import type { RunRecord, RunReport, Task } from '../contract/task-store.js'
import type { ComparisonReport, ComparedReport } from '../features/database/comparison-report.js'
import type { Comparison, VerifyReport } from '../features/verify/report.js'
import { bottleneckOf, timeSentence } from '../engine/time-sentence.js'
import type { LiveRun } from './live-runs.js'
import type { Language } from './words.js'
import { shownText, withoutSecrets } from './secrets.js'

/** One line of the list of runs. */
export interface RunSummary {
  readonly runId: string
  readonly taskId: number | null
  readonly mode: string
  readonly status: string
  /** UTC. */
  readonly began: string
  readonly ended: string | null
  readonly seconds: number | null
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly rowsPerSecond: number
  /** Seconds that are left; null: nobody can tell, or it has ended. */
  readonly left: number | null
  /** Of the rows that are expected; null: nobody can tell. */
  readonly percent: number | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly host: string | null
  readonly pid: number | null
  /** It is under way on this machine, so that it can be watched and stopped. */
  readonly live: boolean
}

/** All there is to say of one run. */
export interface RunDetail extends RunSummary {
  readonly from: string | null
  readonly to: string | null
  readonly plan: string | null
  readonly progress: LiveRun['progress']
  readonly samples: NonNullable<RunReport['samples']>
  readonly report: Partial<RunReport> | null
  readonly overrides: readonly string[]
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  readonly resumable: boolean
  /** Where the time went, in a sentence; null: nobody has looked. */
  readonly timeWent: Readonly<Record<Language, string>> | null
}

export interface TaskSummary {
  readonly task: Task
  readonly running: boolean
  readonly next: string | null
  readonly cron: string | null
  readonly lastRun: { readonly runId: string; readonly status: string; readonly began: string } | null
}

/** What a comparison has found, or is about to. */
export interface Verification {
  readonly runId: string
  readonly taskId: number
  readonly kind: 'verify' | 'repair'
  readonly at: string
  readonly status: 'running' | 'equal' | 'different' | 'failed'
  readonly found: Comparison | null
  readonly left: Comparison | null
  /** Of a task that copies tables one by one; null: it is about one table. */
  readonly tables: readonly Pick<ComparedReport, 'table' | 'status' | 'found' | 'left'>[] | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export function summaryOf(record: RunRecord, live: LiveRun | null): RunSummary {
  const report = reportOf(record)
  const seconds = record.status === 'running' ? (live?.progress?.seconds ?? null) : (report?.seconds ?? null)
  const rows = live?.progress?.rows ?? 0
  const { rowsRead: readBefore = 0, rowsWritten: writtenBefore = readBefore } = report?.resumed ?? {}
  const mine = Math.max(0, record.rows_written - writtenBefore)
  return {
    runId: record.run_id,
    taskId: record.task_id,
    mode: record.mode,
    status: record.status,
    began: record.start_time,
    ended: record.end_time,
    seconds,
    rowsRead: live ? rows : record.rows_read,
    rowsWritten: live ? rows : record.rows_written,
    rowsPerSecond: live ? live.rowsPerSecond : seconds ? mine / seconds : 0,
    left: live?.left ?? null,
    percent: percentOf(live),
    error: errorOf(report),
    host: record.host,
    pid: record.pid,
    live: live !== null,
  }
}

/** A run without a task, which no history has. */
export function liveSummary(live: LiveRun): RunSummary {
  const { hello, progress, rowsPerSecond, left } = live
  const rows = progress?.rows ?? 0
  return {
    runId: hello.runId,
    taskId: hello.taskId,
    mode: hello.kind,
    status: 'running',
    began: utc(new Date(hello.since)),
    ended: null,
    seconds: progress?.seconds ?? null,
    rowsRead: rows,
    rowsWritten: rows,
    rowsPerSecond,
    left,
    percent: percentOf(live),
    error: null,
    host: null,
    pid: hello.pid,
    live: true,
  }
}

export function detailOf(summary: RunSummary, record: RunRecord | null, live: LiveRun | null): RunDetail {
  const report = record === null ? null : withoutSecrets(reportOf(record))
  const { resumable = null, reasons = [], warnings = [], overrides = [], samples = [] } = report ?? {}
  return {
    ...summary,
    from: live?.hello.from ?? report?.from ?? null,
    to: live?.hello.to ?? report?.to ?? null,
    plan: live?.plan ?? null,
    progress: live?.progress ?? null,
    samples: live?.samples ?? samples,
    report,
    overrides,
    reasons,
    warnings,
    timeWent: timeWent(report, live),
    resumable:
      record !== null &&
      ['failed', 'interrupted'].includes(record.status) &&
      (resumable !== null || report === null),
  }
}

function timeWent(report: Partial<RunReport> | null, live: LiveRun | null): RunDetail['timeWent'] {
  const { progress } = live ?? {}
  const { busySeconds = [], workerNum = 1 } = report ?? {}
  const facts = progress
    ? { seconds: progress.seconds, threads: progress.threads, timeSpent: progress.spent }
    : {
        seconds: report?.seconds ?? 0,
        threads: busySeconds.length || workerNum,
        timeSpent: report?.timeSpent,
      }
  if (bottleneckOf(facts) === null) return null
  return { en: timeSentence(facts, 'en'), zh: timeSentence(facts, 'zh') }
}

/** Without passwords of URLs in its params. */
export function shownTask(task: Task): Task {
  return { ...task, params: task.params === null ? null : shownText(task.params) }
}

export function verificationOf(
  before: Pick<Verification, 'runId' | 'taskId' | 'kind' | 'at'>,
  result: unknown,
  failure: { readonly code: string; readonly message: string },
): Verification {
  const report = result as (VerifyReport & Partial<ComparisonReport>) | null
  const { found = null, left = null, tables = null } = report ?? {}
  if (report?.status === undefined || (found === null && left === null && tables === null)) {
    const { code, message } = report?.error ?? failure
    const error = { code, message: redact(message) }
    return { ...before, status: 'failed', found: null, left: null, tables: null, error }
  }
  const different = report.error?.code === 'DIFFERENT'
  const status = report.error === null ? 'equal' : different ? 'different' : 'failed'
  return {
    ...before,
    runId: report.runId,
    status,
    found,
    left,
    tables:
      tables?.map((one) => ({ table: one.table, status: one.status, found: one.found, left: one.left })) ??
      null,
    error: errorOf(report),
  }
}

/** What the history says; null: nothing yet, or its process died. */
export function verificationIn(record: RunRecord): Verification | null {
  const report = withoutSecrets(reportOf(record))
  if (record.status === 'running' || report === null) return null
  const { run_id: runId, task_id: taskId, start_time: at } = record
  const kind = record.mode === 'verify' ? 'verify' : 'repair'
  const unknown = { code: 'INTERNAL', message: 'The history does not say why.' }
  return verificationOf({ runId, taskId, kind, at }, report, unknown)
}

/** Reports of earlier versions lack what came later. */
export function reportOf({ report }: RunRecord): Partial<RunReport> | null {
  if (report === null) return null
  try {
    return JSON.parse(report) as Partial<RunReport>
  } catch {
    return null
  }
}

function errorOf(report: Partial<RunReport> | null): RunSummary['error'] {
  const error = report?.error
  return error ? { code: error.code, message: redact(error.message) } : null
}

function percentOf(live: LiveRun | null): number | null {
  if (!live?.progress || live.expected === null || live.expected === 0) return null
  return Math.min(100, Math.round((live.progress.rows / live.expected) * 1000) / 10)
}

/** `2026-01-02 03:04:05` */
export function utc(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ')
}
