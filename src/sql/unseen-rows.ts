/** Splits that are copied by one statement inside the server. */
import { RowshiftError } from '../contract/errors.js'
import type { InServerPlan, Sign } from '../contract/in-server.js'
import type { ReadSpec } from '../contract/read.js'
import type { ColumnMapping } from '../contract/table-schema.js'
import type { PlannedWrite, WriteCounts } from '../contract/write.js'
import { failpoint } from '../failpoint.js'
import type { SqlSession } from './session.js'
import type { Tally } from './tally.js'

/** What a reader's plugin brings: see `InServerSource`. */
export interface InServerSigns<S extends SqlSession> {
  readonly family: string
  readonly show: (session: S, spec: ReadSpec) => Promise<Sign>
}

/** What a writer's plugin brings: see `InServerTarget`. */
export interface InServerPlanner<S extends SqlSession> {
  readonly family: string
  readonly plan: (session: S, write: PlannedWrite, read: ReadSpec, sign: string) => Promise<InServerPlan>
}

/** What one statement has done with the rows of a split. */
export interface CopiedRows {
  /** That it has read. */
  readonly rows: number
  readonly counts: Partial<WriteCounts>
}

/** Rolls a split back whose rows are to be read. */
class ReadInstead extends RowshiftError {
  constructor() {
    super('INTERNAL', 'The rows are to be read.')
  }
}

/** null where rows are to be read. */
export async function orNull<T>(copied: Promise<T>): Promise<T | null> {
  try {
    return await copied
  } catch (thrown) {
    if (thrown instanceof ReadInstead) return null
    throw thrown
  }
}

/**
 * Copies the rows of a split inside a transaction that has begun. Whatever is wrong with a row is said by those who read it; only what has
 * nothing to do with rows is thrown here.
 */
export async function copyUnseen(
  session: SqlSession,
  { table: { table } }: PlannedWrite,
  copy: () => Promise<CopiedRows | null>,
  tally: Tally,
): Promise<void> {
  failpoint('split-begun')
  const copied = await copy().catch((thrown: unknown) => {
    const error = session.dialect.error(thrown, `copying rows into table ${table}`, { table })
    if (error.retryable) throw error
    return null
  })
  if (copied === null) throw new ReadInstead()
  tally.receiveUnseen(copied.rows)
  tally.add(copied.counts)
  tally.hand(copied.rows)
}

/** Why the user of the target may not copy rows; null: the server has taken the statements. */
export async function deniedReason(
  session: SqlSession,
  tryIt: () => Promise<unknown>,
): Promise<string | null> {
  try {
    await tryIt()
    return null
  } catch (thrown) {
    const { message } = session.dialect.error(thrown, `preparing INSERT … SELECT of ${session.where}`)
    return `the user of the target may not do it: ${message}`
  }
}

/** A column whose values the server would convert, or compute, so that somebody has to look at them; null: it copies all of them as they are. */
export function convertedColumn(
  { columns }: PlannedWrite,
  isCopied: (column: ColumnMapping) => boolean,
): ColumnMapping | null {
  const kept = (column: ColumnMapping) =>
    column.computedBy === undefined &&
    column.source.sql === undefined &&
    column.source.readAs === undefined &&
    (['exact', 'widening'].includes(column.check.conversion) || isSameJson(column)) &&
    isCopied(column)
  return columns.find((column) => !kept(column)) ?? null
}

/** Whether its rows are told by SQL that may mean others in another session: what users wrote, or what depends on settings. */
export function dependsOnSession({ where, key, window }: ReadSpec): boolean {
  const columns = [...(key?.columns ?? []), ...(window === null ? [] : [window.column])]
  return where !== null || columns.some(({ sql, readAs }) => sql !== undefined || readAs !== undefined)
}

/** Whatever its text would not show of it is copied too. */
function isSameJson({ source, target, check }: ColumnMapping): boolean {
  const same = source.kind === 'json' && source.type === target.type && target.valueRange.normalised === true
  return same && check.conversion === 'checked'
}
