/** What a person sees of a copy of many tables, before, during and after it. */
import type { RunPlan } from '../contract/run-plan.js'
import type { DatabasePlan } from '../features/database/plan.js'
import type { PlannedTable } from '../features/database/table-plan.js'
import { expectedBytes } from '../features/database/plan.js'
import type { DatabaseReport, SchemaReport, TableReport } from '../features/database/report.js'
import { isEmpty } from '../features/database/report.js'
import { lacksSchema, leavesKeys } from '../features/database/schema-left.js'
import { most } from '../sql/literals.js'
import { counted } from '../wire/counted.js'
import { tablesOption } from './table-selection.js'
import { schemaPlanLines, schemaSummary } from './schema-view.js'
import { formatBytes, formatCount, formatRows, formatSeconds, printable, table } from './output.js'

/** Tables left out of which a person sees the names. */
const SHOWN_LEFT_OUT = 20

/** Every table with what is known of it, then what is left out, then what there is to say about each. */
export function databasePlanText(
  { tables, leftOut, schema, warnings }: DatabasePlan,
  from: string,
  to: string,
): string {
  const rows = tables.map((planned) => {
    const { from: name, to: target, plan } = planned
    const bytes = expectedBytes(planned)
    return {
      table: name,
      ...(tables.some((one) => one.from !== one.to) && { to: target }),
      rows: plan === null ? '' : aboutRows(plan),
      bytes: bytes === null ? '' : `~${formatBytes(bytes)}`,
      'split key': plan?.read.key?.name ?? '-',
      'write mode': plan?.write.writeMode ?? '-',
      path: plan?.write.path ?? '-',
      target: plan === null ? 'cannot be copied' : plan.write.create ? 'is created' : 'exists',
      conversions: plan === null ? '' : conversions(plan),
    }
  })
  return [
    `from     ${from}`,
    `to       ${to}`,
    table(rows),
    ...leftOutLines(leftOut),
    ...warnings.map((warning) => `warning  ${warning}`),
    ...schemaPlanLines(schema),
    ...tables.flatMap(({ plan, from: name }) =>
      (plan?.warnings ?? []).map((warning) => `warning  ${name}: ${warning}`),
    ),
    ...faultLines(tables),
    ...unfitLines(tables),
  ].join('\n')
}

/** What `--dry-run --json` prints. */
export function planJson({ tables, leftOut, schema, warnings }: DatabasePlan): object {
  const planned = tables.map(({ from, to, plan, error }) => ({
    table: from,
    to,
    plan,
    error: error?.report() ?? null,
  }))
  const { others: _, ...foreignKeys } = schema.foreignKeys
  const { objects } = schema
  return { tables: planned, leftOut, warnings, foreignKeys, objects }
}

/** One line when a table has ended. */
export function tableLine({ table: name, status, rows, seconds, error }: TableReport): string {
  const what =
    status === 'success' ? `${formatRows(rows)} in ${formatSeconds(seconds)}` : status.replace('_', ' ')
  return `${printable(name)}: ${what}${error === null ? '' : `: ${error.message} [${error.code}]`}`
}

/** Also of tables that are not among those of a command which goes on. */
const MAKING_THE_REST =
  'When all tables are there, the same command as this one with --schema-only makes what they lack, and copies no rows.'

const LOOKING_LATER =
  'Foreign keys that were not looked at: the same command as this one with --schema-only looks at them, makes what tables lack, and copies no rows.'

type Summarised = Pick<DatabaseReport, 'tables' | 'rowsWritten' | 'bytes' | 'seconds' | 'status'> &
  Partial<SchemaReport>

/** What a person reads after the run; `again`: how what is not done is copied. */
export function databaseSummary(report: Summarised, again: readonly string[]): string {
  const { tables, rowsWritten, bytes, seconds, status, foreignKeys = [], objects = [] } = report
  // Tasks make no objects, and have no options.
  const isCommand = report.objects !== undefined
  const done = tables.filter((one) => one.status === 'success').length
  const verb = { success: 'Copied', failed: 'Failed after', interrupted: 'Interrupted after' }[status]
  const failed = tables.filter((one) => one.status !== 'success')
  const width = most(failed.map(({ table: name }) => printable(name).length))
  return [
    `${verb} ${done} of ${counted(tables.length, 'table')}, ${formatRows(rowsWritten)} (${formatBytes(bytes)}) in ${formatSeconds(seconds)}: ` +
      `${formatCount(seconds > 0 ? rowsWritten / seconds : 0)} rows/s.`,
    ...failed.map((one) => `  ${printable(one.table).padEnd(width)}  ${howItEnded(one)}`),
    ...schemaSummary({ foreignKeys, objects }),
    ...(failed.length === 0 ? [] : again),
    ...(isCommand && lacksSchema({ foreignKeys, objects }) ? [MAKING_THE_REST] : []),
    ...(isCommand && leavesKeys({ foreignKeys, objects }) ? [LOOKING_LATER] : []),
  ].join('\n')
}

function howItEnded(table: TableReport): string {
  const ended = table.status.replace('_', ' ')
  return isEmpty(table) ? `made, ${ended}` : `${ended}, ${formatRows(table.rows)} written`
}

function aboutRows({ read }: RunPlan): string {
  const { estimatedRows } = read.table
  return estimatedRows === null ? '?' : `~${formatCount(estimatedRows)}`
}

/** What is not exact, by kind. */
function conversions({ write }: RunPlan): string {
  const counts = new Map<string, number>()
  for (const { check } of write.columns)
    if (check.conversion !== 'exact') counts.set(check.conversion, (counts.get(check.conversion) ?? 0) + 1)
  return counts.size === 0 ? 'exact' : [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')
}

export function leftOutLines(leftOut: DatabasePlan['leftOut']): string[] {
  const shown = leftOut.slice(0, SHOWN_LEFT_OUT)
  const lines = shown.map(({ table: name, reason }) => `left out ${printable(name)}: ${reason}`)
  return leftOut.length > shown.length ? [...lines, `left out ${leftOut.length - shown.length} more`] : lines
}

/** How the others are copied. */
function unfitLines(tables: readonly PlannedTable[]): string[] {
  const unfit = tables.filter((one) => one.unfit)
  if (unfit.length === 0) return []
  const { mode } = unfit[0]!.request.params
  const names = unfit.map(({ from }) => from)
  return [
    `unfit    mode "${mode}" is not possible for ${counted(unfit.length, 'table')}: run it with ${tablesOption(names, 'exclude')}, or with --on-table-error continue`,
  ]
}

function faultLines(tables: readonly PlannedTable[]): string[] {
  return tables.flatMap(({ from, error }) =>
    error === null ? [] : [`error    ${printable(from)}: ${error.message} [${error.code}]`],
  )
}
