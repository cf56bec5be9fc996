/** A watermark that is set by hand: a value of the column that it is about, or of each source table one. */
import type { CopyRequest } from '../engine/copy-request.js'
import { findWatermarkColumn, type WatermarkColumn } from '../engine/watermark-column.js'
import { errorCodes, ExitCode, RowshiftError } from '../contract/errors.js'
import { boundGiven, boundOf } from '../plan/bounds.js'
import type { Column } from '../contract/plugin.js'
import type { Params } from '../task/params.js'
import { printNotice } from './output.js'

type Mode = 'append' | 'increment'

/** The watermark as runs write it. Throws USAGE for what cannot be one. */
export async function watermarkValue(
  request: CopyRequest,
  mode: Mode,
  set: string,
  signal: AbortSignal,
): Promise<string> {
  const found = await columnOf(request, mode, signal)
  if (found === null) return set
  const { column, kind, tables } = found
  if (tables === null) return boundGiven(column, kind, '--set', set)
  const values = objectOf(set)
  if (values === null)
    throw new RowshiftError(
      'USAGE',
      `--set ${JSON.stringify(set)}: the source is ${tables.length} tables, and each has a watermark: give a JSON object, like ${JSON.stringify({ [tables[0]!]: '…' })}.`,
    )
  const named = Object.entries(values).map(([name, value]) => {
    if (tables.includes(name)) return [name, boundGiven(column, kind, '--set', String(value))]
    throw new RowshiftError(
      'USAGE',
      `--set names ${name}, which is none of the source tables: ${tables.join(', ')}.`,
    )
  })
  return JSON.stringify(Object.fromEntries(named))
}

/** null: the source cannot be asked now. What is wrong with the task itself is an error. */
async function columnOf(
  request: CopyRequest,
  mode: Mode,
  signal: AbortSignal,
): Promise<WatermarkColumn | null> {
  try {
    return await findWatermarkColumn(request, mode, signal)
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    if (errorCodes[error.code].exit !== ExitCode.failed || error.code === 'INTERNAL') throw error
    printNotice(`the watermark is set without a look at the source, which cannot be asked: ${error.message}`)
    return null
  }
}

/** As far as the params alone say what a watermark is. Throws USAGE. */
export function checkShape({ diffColumn }: Pick<Params, 'diffColumn'>, mode: Mode, set: string): void {
  const type = mode === 'increment' ? (diffColumn?.type ?? null) : null
  const fits = (kind: Column['kind'], value: string) =>
    boundOf({ kind, valueRange: {} }, value, type ?? 'time') !== null
  for (const value of Object.values(objectOf(set) ?? { set })) {
    const isText = typeof value === 'string' && value !== ''
    const isChange = () =>
      type === null
        ? fits('datetime', value as string) || fits('date', value as string)
        : fits('integer', value as string)
    if (isText && (mode === 'append' || isChange())) continue
    const wanted =
      mode === 'append'
        ? 'the key of the last row that is copied'
        : type === null
          ? "a time, like '2024-01-31 00:00:00', or a date"
          : `a whole number (${type})`
    throw new RowshiftError(
      'USAGE',
      `--set ${JSON.stringify(value)}: the watermark of mode "${mode}" is ${wanted}; for several source tables, a JSON object with one for each name.`,
    )
  }
}

/** What `--set` gives for each table of a task that copies them one by one. Throws USAGE. */
export function valuesByTable(set: string, taskId: number): Readonly<Record<string, string>> {
  const values = Object.entries(objectOf(set) ?? {})
  if (values.length > 0) return Object.fromEntries(values.map(([name, value]) => [name, String(value)]))
  throw new RowshiftError(
    'USAGE',
    `--set ${JSON.stringify(set)}: task ${taskId} copies tables one by one, and each has a watermark: give a JSON object, like {"orders": "…"}.`,
  )
}

function objectOf(set: string): Readonly<Record<string, unknown>> | null {
  if (!set.startsWith('{')) return null
  try {
    return JSON.parse(set) as Record<string, unknown>
  } catch {
    return null
  }
}
