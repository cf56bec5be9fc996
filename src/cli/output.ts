import { IN_SERVER } from '../contract/in-server.js'
import type { ResolvedConnection } from '../config/config.js'
import type { ColumnMapping, ReadSpec, SplitOutline } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { TargetSpec } from '../contract/target-spec.js'
import type { RowshiftError } from '../contract/errors.js'
import { redact } from '../contract/errors.js'
import { most } from '../sql/literals.js'
import { describeComputation } from './computed-view.js'
import type { RunReport, ShardReport } from '../contract/task-store.js'
import type { VerifyReport } from '../features/verify/report.js'
import { counted } from '../wire/counted.js'

export function printError(error: RowshiftError): void {
  process.stderr.write(`${redact(`rowshift: ${error.message} [${error.code}]`)}\n`)
}

let quiet = false

/** From now on nothing but errors is written, and what `--json` asks for. */
export function setQuiet(asked: boolean): void {
  quiet = asked
}

export function isQuiet(): boolean {
  return quiet
}

/** What a run is about to do: on stderr, where results are on stdout. */
export function printPlan(text: string): void {
  if (!quiet) process.stderr.write(`${redact(text)}\n`)
}

/** Something to know that does not make the run fail. */
export function printNotice(text: string): void {
  if (!quiet) printFault(text)
}

/** Something that went wrong and does not make the run fail. */
export function printFault(text: string): void {
  process.stderr.write(`${redact(`rowshift: ${text}`)}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Without Intl, whose first use takes 20 ms. */
export function formatCount(value: number): string {
  return value.toFixed(0).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

export function formatBytes(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

export function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

/** `1 row`, `2,000 source rows`. */
export function formatRows(count: number, which = ''): string {
  return `${formatCount(count)} ${which}${count === 1 ? 'row' : 'rows'}`
}

function were(count: number, what: string): string {
  return `${formatRows(count)} ${count === 1 ? 'was' : 'were'} ${what}`
}

const INCREMENTAL: ReadonlySet<string> = new Set(['append', 'increment'])

/** Of rows that stay in their server, nobody knows how many bytes they have. */
function bytesText({ bytes, writePath }: RunReport): string {
  return bytes === 0 && writePath === IN_SERVER ? '' : ` (${formatBytes(bytes)})`
}

/** What a person reads after a run. */
export function summary(report: RunReport): string {
  if (report.status === 'skipped') return `Skipped. ${report.error!.message}`
  if (report.status === 'success' && report.splits === 0)
    return [`${nothing(report)}: 0 rows copied. Run ${report.runId}.`, ...lastWords(report)].join('\n')
  const done = { success: 'Copied', failed: 'Failed after', interrupted: 'Interrupted after' }[report.status]
  const before = report.resumed?.rowsWritten ?? 0
  const rate = report.seconds > 0 ? (report.rowsWritten - before) / report.seconds : 0
  const lines = [
    `${done} ${formatRows(report.rowsWritten)}${bytesText(report)} in ${formatSeconds(report.seconds)}: ` +
      `${formatCount(rate)} rows/s, ${report.splitsDone} of ${counted(report.splits, 'split')}, ` +
      `${formatThreads(report.workerNum)}, write path ${report.writePath ?? 'none'}${retriesText(report)}. Run ${report.runId}.`,
  ]
  if (report.resumed !== null) {
    const { run, rowsRead, splits } = report.resumed
    lines.push(
      `Of these, ${formatRows(rowsRead)} in ${counted(splits, 'split')} were there from earlier attempts of run ${run}.`,
    )
  }
  if (report.backfill !== null)
    lines.push(`Backfill${backfillRange(report.backfill)}; the watermark stays where it was.`)
  if (report.shards !== null) lines.push(...shardLines(report.shards))
  if (report.rowsLate !== null && report.rowsLate > 0)
    lines.push(
      `${formatRows(report.rowsLate)} came late: before the watermark, found by overlap. Rows that come later than that are missed.`,
    )
  if (report.rowsUnchanged > 0) lines.push(`${were(report.rowsUnchanged, 'unchanged in the target')}.`)
  if (report.rowsSkipped > 0)
    lines.push(`${were(report.rowsSkipped, 'skipped: their keys are in the target')}.`)
  if (report.rowsFiltered > 0) lines.push(`${were(report.rowsFiltered, 'left out')}.`)
  if (report.lookupMisses > 0)
    lines.push(`${formatRows(report.lookupMisses)} had a key that a lookup did not find.`)
  if (report.rowsDeleted > 0) lines.push(`${were(report.rowsDeleted, 'deleted')}.`)
  if (report.rowsFlagged > 0) lines.push(`${were(report.rowsFlagged, 'flagged as deleted')}.`)
  if (report.rowsAdded > 0) lines.push(`${were(report.rowsAdded, 'added')}.`)
  const files = [report.dirtyFile, report.dirtyReadFile].filter((file) => file !== null)
  if (files.length > 0) lines.push(`${were(report.dirtyRows, 'rejected')}: ${files.join(', ')}`)
  if (report.status !== 'success' && report.rowsWritten > 0 && report.resumable === null)
    lines.push(wayOn(report))
  return [...lines, ...lastWords(report)].join('\n')
}

/** `, 3 retries (2 LOCK_CONFLICT, 1 CONNECTION_LOST)`; nothing where there were none. */
export function retriesText({ retries, retryReasons }: RunReport): string {
  if (retries === 0) return ''
  const reasons = Object.entries(retryReasons).map(([code, count]) => `${formatCount(count)} ${code}`)
  return `, ${retries} ${retries === 1 ? 'retry' : 'retries'} (${reasons.join(', ')})`
}

/** What nobody should miss: fewer threads than asked for, and rows that this run has not copied, or not for good. */
export function lastWords(report: Partial<RunReport>): string[] {
  const { status, threadsGaveUp, sourceChanged, watermarkHeld, watermarkPassed, delays } = report
  const words = [
    threadsGaveUp,
    sourceChanged,
    ...(status === 'success' ? [watermarkHeld, watermarkPassed, ...(delays ?? [])] : []),
  ]
  return words.flatMap((text) => (text == null ? [] : [`WARNING: ${text}.`]))
}

function nothing({ mode, backfill }: RunReport): string {
  if (backfill !== null) return `Backfill${backfillRange(backfill)}, which holds no row`
  return INCREMENTAL.has(mode) ? 'Nothing new' : 'The source is empty'
}

/** ` since 2024-01-01 until 2024-02-01`, as it was asked for. */
export function backfillRange({ since, until }: NonNullable<RunReport['backfill']>): string {
  return ` since ${since}${until === null ? '' : ` until ${until}`}`
}

/** After a run that has written some of its rows only. */
function wayOn({ writeMode }: RunReport): string {
  const again =
    writeMode === 'insert'
      ? 'run again with "write_mode": "ignore" or with "mode": "sync", or empty the target first'
      : 'run again: rows that are there are found by their key'
  return `The rows written are committed and stay in the target. To go on, ${again}.`
}

/** What became of the rows that were not written. */
export function otherRows(report: Partial<VerifyReport>): string[] {
  const { rowsLate, rowsUnchanged, rowsSkipped, rowsDeleted, rowsFlagged, dirtyRows } = report
  const counts = [
    [rowsLate, 'late'],
    [rowsUnchanged, 'unchanged'],
    [rowsSkipped, 'skipped'],
    [rowsDeleted, 'deleted'],
    [rowsFlagged, 'flagged'],
    [dirtyRows, 'rejected'],
  ] as const
  return counts.flatMap(([rows, what]) =>
    rows == null || rows === 0 ? [] : [`${formatCount(rows)} ${what}`],
  )
}

/** Most shards that a person wants to see one by one. */
const SHOWN_SHARDS = 64

function shardLines(shards: readonly ShardReport[]): string[] {
  if (shards.length > SHOWN_SHARDS)
    return [`${counted(shards.length, 'shard')}; --json shows the rows of each.`]
  const width = most(shards.map(({ name }) => name.length))
  return shards.map((shard) => {
    const { name, rowsWritten } = shard
    return `  ${[`${name.padEnd(width)}  ${formatRows(rowsWritten)}`, ...otherRows(shard)].join(', ')}`
  })
}

/** Where a table is, without secrets. */
export function tableLabel({ loaded, connection }: ResolvedConnection): string {
  return loaded.plugin.describeConnection(connection)
}

/** `threads`: whose they are, where it is not this process. */
export function describePlan(
  plan: RunPlan,
  from: string,
  to: string,
  threads = plannedThreads(plan),
): string {
  const { read, write, reasons, warnings } = plan
  const { table: source } = read
  const rows =
    source.estimatedRows === null ? 'an unknown number of rows' : `about ${formatRows(source.estimatedRows)}`
  const lines = [
    `from     ${from} table ${source.table}, ${rows}`,
    `to       ${to} table ${write.table.table}`,
    `mode     ${plan.mode}, write mode ${write.writeMode}, ${threads}`,
    ...write.columns.map(
      (column, i) => `${i === 0 ? 'columns ' : '        '} ${describeColumn(column, plan)}`,
    ),
    ...(read.where === null ? [] : [`where    ${read.where}`]),
    ...shardCreations(write),
    ...(write.create?.statements ?? []).map((sql) => `create   ${indented(sql)}`),
    ...write.preSql.map((sql) => `before   ${sql}`),
    ...write.postSql.map((sql) => `after    ${sql}`),
    ...reasons.map((reason) => `reason   ${reason}`),
    ...warnings.map((warning) => `warning  ${warning}`),
  ]
  return lines.join('\n')
}

/** They differ in the name of the table only, so one of them is enough. */
function shardCreations({ sharding }: TargetSpec): string[] {
  const created = (sharding?.shards ?? []).filter(({ create }) => create !== null)
  const [first, ...more] = created
  if (!first) return []
  const statements = first.create!.statements.map((sql) => `create   ${indented(sql)}`)
  return more.length === 0
    ? statements
    : [...statements, `         and alike ${more.map(({ name }) => name).join(', ')}`]
}

/** What `rowshift plan` adds: how many splits, how they are found, and what one of them asks. */
export function describeSplits(read: ReadSpec, outline: SplitOutline | null): string[] {
  const rows = read.window?.rows ?? read.table.estimatedRows
  const splits =
    rows === null ? 'an unknown number' : `about ${formatCount(Math.ceil(rows / read.splitRows))}`
  const rowBytes = read.table.estimatedRowBytes
  const bytes = rows === null || rowBytes === null ? '' : `, about ${formatBytes(rows * rowBytes)} in all`
  const lines = read.key === null ? [] : [`splits   ${splits} of ${formatRows(read.splitRows)}${bytes}`]
  if (outline === null) return lines
  lines.push(`         ${outline.strategy}`)
  if (outline.query !== null) lines.push(`query    ${indented(outline.query)}`)
  return [...lines, ...outline.explain.map((line) => `explain  ${line}`)]
}

function indented(sql: string): string {
  return sql.replaceAll('\n', `\n${' '.repeat(9)}`)
}

function describeColumn(column: ColumnMapping, { write: { columns }, pipeline }: RunPlan): string {
  const { source, target, check } = column
  const { conversion, why } = check
  const making =
    column.computedBy === 'transform'
      ? 'returned by the transform'
      : describeComputation(pipeline?.cells[columns.indexOf(column)], pipeline)
  const what =
    conversion === 'lossy'
      ? `lossy (accepted): loses ${why}`
      : conversion === 'exact'
        ? conversion
        : `${conversion}: ${why}`
  const from = making === null ? `${source.name} (${source.type})` : making
  const derived = source.sql === undefined ? '' : `; pushed down: ${source.sql.replaceAll('\n', ' ')}`
  return `${from} -> ${target.name} (${target.type}), ${what}${derived}`
}

/** Control characters in a value must not reach the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1))
}

/** Rows as aligned columns under their names. */
export function table(rows: readonly Readonly<Record<string, string | number | null>>[]): string {
  if (rows.length === 0) return ''
  const names = Object.keys(rows[0]!)
  const cells = [names, ...rows.map((row) => names.map((name) => printable(String(row[name] ?? ''))))]
  const widths = names.map((_, i) => most(cells.map((line) => line[i]!.length)))
  return cells
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function plannedThreads({ policy: { firstThreads, workerNum } }: RunPlan): string {
  const first = firstThreads < workerNum ? `${firstThreads} to ` : ''
  return `${first}${formatThreads(workerNum)}`
}

export function formatThreads(count: number): string {
  return counted(count, 'thread')
}
