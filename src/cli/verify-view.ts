import { rowText } from '../features/verify/deletes.js'
import { areEqual } from '../features/verify/findings.js'
import type { VerifyRequest } from '../features/verify/request.js'
import { runVerify } from '../features/verify/job.js'
import type { VerifyReport, Comparison } from '../features/verify/report.js'
import type { VerifyPlan } from '../features/verify/plan.js'
import { describeComputation } from './computed-view.js'
import {
  formatCount,
  formatRows,
  formatSeconds,
  formatThreads,
  printable,
  printPlan,
  retriesText,
  tableLabel,
} from './output.js'
import type { ProgressView } from './progress-view.js'
import { THREADS_OF_WORKERS } from '../plan/threads.js'
import { counted } from '../wire/counted.js'

/** Rows of each kind that a person sees. */
const SHOWN = 20

/** Verifies or repairs with progress shown. */
export function performVerify(
  request: VerifyRequest,
  signal: AbortSignal,
  view: ProgressView,
): Promise<VerifyReport> {
  return runVerify(request, {
    signal,
    onPlan: (plan) => {
      const text = describeVerify(plan, request)
      printPlan(text)
      view.start(plan.source, text)
    },
    onProgress: (progress) => view.update(progress),
  })
}

function describeVerify(plan: VerifyPlan, { from, to, mode, sample, hosts }: VerifyRequest): string {
  const threads = hosts ? THREADS_OF_WORKERS : formatThreads(plan.workerNum)
  return [
    `source   ${tableLabel(from)} table ${plan.source.table.table}`,
    `target   ${tableLabel(to)} table ${plan.target.table.table}`,
    `mode     ${mode === 'sync' ? 'compare and repair' : 'compare'}, ${counted(plan.columns.length, 'column')}, ${threads}`,
    ...(plan.pipeline?.cells ?? []).flatMap((cell) => {
      const making = describeComputation(cell, plan.pipeline)
      return making === null ? [] : [`column   ${making} -> ${cell.name}`]
    }),
    ...whereLines(plan.source.where, plan.target.where),
    ...(sample === 100 ? [] : [`sample   ${sample} % of the splits`]),
    ...plan.reasons.map((reason) => `reason   ${reason}`),
    ...plan.warnings.map((warning) => `warning  ${warning}`),
  ].join('\n')
}

function whereLines(source: string | null, target: string | null): string[] {
  if (source === target) return source === null ? [] : [`where    ${source} (on both ends)`]
  return [
    ...(source === null ? [] : [`where    ${source} (source)`]),
    ...(target === null ? [] : [`where    ${target} (target)`]),
  ]
}

/** What a person reads after a verification or repair. */
export function verifySummary(report: VerifyReport): string {
  const { found, left } = report
  const end = `in ${formatSeconds(report.seconds)}, ${counted(report.splits, 'split')}${retriesText(report)}. Run ${report.runId}.`
  if (found === null) return `The comparison did not come to its end ${end}`
  const lines: string[] = []
  if (!areEqual(found)) lines.push(...rows(found), counts(found))
  if (left !== null) {
    const flagged = report.rowsFlagged === 0 ? '' : `, flagged as deleted ${formatCount(report.rowsFlagged)}`
    lines.push(
      `Written ${formatRows(report.rowsWritten)}, deleted ${formatCount(report.rowsDeleted)}${flagged}.`,
    )
  }
  const sampled =
    report.splitsSkipped === 0
      ? ''
      : ` (${report.sample} % of the splits; ${report.splitsSkipped} were left out)`
  const compared =
    left === null
      ? `${formatRows(found.sourceRows, 'source ')}, ${formatRows(found.targetRows, 'target ')}`
      : formatRows(found.sourceRows, 'source ')
  if (report.threadsGaveUp !== null) lines.push(`WARNING: ${report.threadsGaveUp}.`)
  if (report.sourceChanged !== null) lines.push(`WARNING: ${report.sourceChanged}.`)
  lines.push(`${areEqual(left ?? found) ? 'Equal' : 'Different'}${sampled}: ${compared}, ${end}`)
  return lines.join('\n')
}

function counts({ missing, extra, different, unmade }: Comparison): string {
  const figure = (count: number, what: string) => `${formatCount(count)} ${what}`
  return `${figure(missing, 'missing')}, ${figure(extra, 'extra')}, ${figure(different, 'different')}${unmade === 0 ? '' : `; ${figure(unmade, 'of these a copy would reject')}`}`
}

function rows({ missingRows, extraRows, differentRows, unmadeRows }: Comparison): string[] {
  const first = (lines: readonly string[]) => lines.slice(0, SHOWN).map(printable)
  return [
    ...first(missingRows.map((row) => `missing    ${rowText(row)}`)),
    ...first(extraRows.map((row) => `extra      ${rowText(row)}`)),
    ...first(
      differentRows.map(
        ({ key, columns }) =>
          `different  ${rowText(key)}${columns.length === 0 ? '' : ` in ${columns.join(', ')}`}`,
      ),
    ),
    ...first(unmadeRows.map(({ message }) => `rejected   ${message}`)),
  ]
}
