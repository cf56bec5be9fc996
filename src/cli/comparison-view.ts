/** What a person sees of a comparison of many tables, before, during and after it. */
import type { ComparisonPlan, ComparisonRequest } from '../features/database/comparison-plan.js'
import type { ComparedReport, ComparisonReport } from '../features/database/comparison-report.js'
import { counted } from '../wire/counted.js'
import { leftOutLines } from './database-view.js'
import { formatCount, formatRows, formatSeconds, formatThreads, printable, table } from './output.js'
import { schemaSummary } from './schema-view.js'
import { tablesOption } from './table-selection.js'
import { DEFAULT_WORKERS } from '../task/params.js'

export function comparisonPlanText(
  { tables, leftOut, foreignKeys }: ComparisonPlan,
  { repair, sample, params }: ComparisonRequest,
  from: string,
  to: string,
): string {
  const threads = formatThreads(params.workerNum ?? DEFAULT_WORKERS)
  return [
    `source   ${from}`,
    `target   ${to}`,
    `mode     ${repair ? 'compare and repair' : 'compare'}, ${counted(tables.length, 'table')}, ${threads}`,
    ...(sample === 100 ? [] : [`sample   ${sample} % of the splits`]),
    ...leftOutLines(leftOut),
    ...tables.flatMap(({ from: name, error }) =>
      error === null ? [] : [`error    ${printable(name)}: ${error.message} [${error.code}]`],
    ),
    ...tables.flatMap(({ from: name, warnings }) =>
      warnings.map((text) => `warning  ${printable(`${name}: ${text}`)}`),
    ),
    ...(foreignKeys?.warnings ?? []).map((warning) => `warning  ${warning}`),
  ].join('\n')
}

/** By statistics; null where a table has none. */
export function expectedRows({ tables }: ComparisonPlan): number | null {
  const rows = tables.map((one) => (one.request === null ? 0 : one.rows))
  return rows.includes(null) ? null : rows.reduce<number>((sum, some) => sum + some!, 0)
}

/** One line when a table has ended with an error. */
export function comparedLine({ table: name, status, error }: ComparedReport): string {
  const what = error === null ? '' : `: ${error.message} [${error.code}]`
  return `${printable(name)}: ${status.replace('_', ' ')}${what}`
}

/** What a person reads after the comparison: a table per line, what the schemas have otherwise, and how it ended. */
export function comparisonSummary(report: ComparisonReport): string {
  const { tables } = report
  const renamed = tables.some((one) => one.table !== one.to)
  const rows = tables.map((one) => ({
    table: one.table,
    ...(renamed && { to: one.to }),
    result: resultOf(one),
    rows: one.found === null ? '' : formatCount(one.rowsCompared),
    ...differences(one),
    ...(report.targetChanged && { written: one.rows, deleted: one.run?.rowsDeleted ?? 0 }),
    schema: one.schema.length === 0 ? '' : 'different',
  }))
  return [
    table(rows),
    ...tables.flatMap(({ table: name, schema }) =>
      schema.map((text) => `schema   ${printable(`${name}: ${text}`)}`),
    ),
    ...tables.flatMap(({ table: name, status, error }) =>
      status === 'different' && error !== null && error.code !== 'DIFFERENT'
        ? [`rows     ${printable(`${name}: not compared: ${error.message}`)}`]
        : [],
    ),
    ...schemaSummary({ foreignKeys: report.foreignKeys, objects: [] }),
    ...closing(report),
  ].join('\n')
}

function resultOf({ status, found, left }: ComparedReport): string {
  const repaired = status === 'equal' && left !== null && found !== null
  return repaired && found.missing + found.extra + found.different > 0 ? 'repaired' : status.replace('_', ' ')
}

function differences({ found }: ComparedReport): Record<'missing' | 'extra' | 'different', number | null> {
  return {
    missing: found?.missing ?? null,
    extra: found?.extra ?? null,
    different: found?.different ?? null,
  }
}

function closing({ tables, rowsCompared, seconds, sample, ...report }: ComparisonReport): string[] {
  const equal = tables.filter(({ status }) => status === 'equal').length
  const verb = { success: 'Equal', failed: 'Different', interrupted: 'Interrupted' }[report.status]
  const isDifferent = report.error === null || report.error.code === 'DIFFERENT'
  const others = tables.filter(({ status }) => status !== 'equal' && status !== 'extra')
  const sampled = sample === 100 ? '' : ` (${sample} % of the splits)`
  const end = `${equal} of ${counted(tables.length, 'table')} equal${sampled}, ${formatRows(rowsCompared, 'source ')} compared in ${formatSeconds(seconds)}. Run ${report.runId}.`
  return [
    `${isDifferent || report.status === 'interrupted' ? verb : 'Failed'}: ${end}`,
    ...(others.length === 0
      ? []
      : [
          `To look at the others again, run the same command with: ${tablesOption(others.map(({ table: name }) => name))}`,
        ]),
  ]
}
