/** Views, triggers, routines and events of the copy of a database: which are made when all tables are there, and what became of them. */
import type { ErrorReport } from '../../contract/errors.js'
import { RowshiftError } from '../../contract/errors.js'
import type { DatabaseObject, Definer, Reader, Writer } from '../../contract/plugin.js'
import type { SelectedTable } from './selection.js'

export interface ObjectPlan {
  readonly make: readonly DatabaseObject[]
  readonly left: readonly LeftObject[]
  /** What the user of the source may lack to see all of them, by kind. */
  readonly unseen: readonly string[]
}

export interface LeftObject {
  readonly object: DatabaseObject
  readonly reason: string
  /** The target has it. */
  readonly kept?: true
}

/** `kept`: the target has one of that name. `not_copied`: it was not asked for, or cannot be copied. `not_made`: the run did not get as far. */
export interface ObjectReport {
  readonly kind: string
  readonly name: string
  /** Whose trigger it is. */
  readonly table: string | null
  readonly definer: string | null
  readonly status: 'made' | 'kept' | 'not_copied' | 'not_made' | 'failed'
  readonly reason: string | null
  readonly error: ErrorReport | null
}

interface ObjectRequest {
  readonly reader: Reader
  readonly writer: Writer
  readonly selected: readonly SelectedTable[]
  /** null: they are listed. */
  readonly definer: Definer | null
}

/** Changes nothing. */
export async function planObjects(request: ObjectRequest): Promise<ObjectPlan> {
  const { reader, writer, selected, definer } = request
  const { objects: source } = reader.skills
  const { objects: target } = writer.skills
  const found = (await source?.list()) ?? []
  const unseen = (definer !== null && (await source?.unseen?.())) || []
  if (found.length === 0) return { make: [], left: [], unseen }
  const family = target?.family === source!.family
  if (definer === null || !family) {
    const reason = family ? '--objects makes them' : 'the target’s database has another language for them'
    const left = found.map((object) => ({ object, reason: object.unsupported ?? reason }))
    return { make: [], left, unseen: family ? unseen : [] }
  }
  const renamed = selected.find(({ from, to }) => from !== to)
  if (renamed !== undefined)
    throw new RowshiftError(
      'USAGE',
      `--objects does not go with --rename: views, triggers and routines name ${renamed.from}, which would be ${renamed.to}. Nothing was written.`,
    )
  const names = new Set(selected.map(({ from }) => from))
  const there = new Set((await target.list()).map(idOf))
  const make: DatabaseObject[] = []
  const left: LeftObject[] = []
  for (const object of found) {
    const { table, unsupported } = object
    if (unsupported !== undefined) left.push({ object, reason: unsupported })
    else if (table !== null && !names.has(table)) left.push({ object, reason: `${table} is left out` })
    else if (there.has(idOf(object)))
      left.push({ object, reason: 'the target has one of that name', kept: true })
    else make.push(object)
  }
  return { make, left, unseen }
}

export interface MakingObjects {
  readonly reader: Reader
  readonly writer: Writer
  readonly definer: Definer
  /** Why nothing of a table, or of all (null), is made; null: it may be. */
  readonly obstacle: (table: string | null) => string | null
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
}

/**
 * Makes them, again and again as long as one more succeeds: a view may be over a view, and a routine may call another. Never throws for one of them:
 * what failed is in its report.
 */
export async function makeObjects(
  { make, left }: Omit<ObjectPlan, 'unseen'>,
  making: MakingObjects,
): Promise<ObjectReport[]> {
  const ended = new Map<DatabaseObject, ObjectReport>()
  let waiting: readonly DatabaseObject[] = make.filter((object) => {
    const reason = making.obstacle(object.table)
    if (reason !== null) ended.set(object, reportOf(object, { status: 'not_made', reason }))
    return reason === null
  })
  for (let before = Infinity; waiting.length > 0 && waiting.length < before;) {
    before = waiting.length
    for (const object of waiting) {
      making.onStep(`views, triggers and routines: ${ended.size} of ${make.length}`)
      ended.set(object, await makeObject(object, making))
    }
    waiting = waiting.filter((object) => ended.get(object)!.status === 'failed')
  }
  return [...make.map((object) => ended.get(object)!), ...left.map(leftReport)]
}

async function makeObject(object: DatabaseObject, making: MakingObjects): Promise<ObjectReport> {
  const { reader, writer, definer, signal } = making
  const interrupted = () => reportOf(object, { status: 'not_made', reason: 'the run was interrupted' })
  if (signal.aborted) return interrupted()
  try {
    const ddl = await reader.skills.objects!.ddl(object)
    await writer.skills.objects!.create(object, ddl, definer, signal)
    return reportOf(object, { status: 'made' })
  } catch (thrown) {
    if (signal.aborted) return interrupted()
    return reportOf(object, { status: 'failed', error: RowshiftError.from(thrown).report() })
  }
}

/** All of them, where nothing can be done about any. */
export function objectsNotMade(
  { make, left }: Omit<ObjectPlan, 'unseen'>,
  outcome: Partial<ObjectReport> & Pick<ObjectReport, 'status'>,
): ObjectReport[] {
  return [...make.map((object) => reportOf(object, outcome)), ...left.map(leftReport)]
}

function leftReport({ object, reason, kept }: LeftObject): ObjectReport {
  return reportOf(object, { status: kept ? 'kept' : 'not_copied', reason })
}

function idOf({ kind, name, table }: DatabaseObject): string {
  return JSON.stringify([kind, name, table])
}

function reportOf(
  { kind, name, table, definer }: DatabaseObject,
  outcome: Partial<ObjectReport> & Pick<ObjectReport, 'status'>,
): ObjectReport {
  return { kind, name, table, definer, reason: null, error: null, ...outcome }
}
