/** The table that a bench copies into: its name says what it is, and whether whoever made it is still at work. */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { RowshiftError } from '../../contract/errors.js'
import { closeAll, openAll } from '../../contract/opening.js'
import type { Writer } from '../../contract/plugin.js'
import type { ResolvedConnection } from '../../config/config.js'
import type { Params } from '../../task/params.js'
import { endpointsOf, readersOf, writersOf } from '../../engine/endpoints.js'

const NAME = /^rowshift_bench_([0-9a-f]{8})_(\d+)_([0-9a-z]+)$/
/** Clocks of machines differ. */
const SKEW_MS = 10 * 60_000
/** Dropping a table does not take long, and must not depend on what the user has interrupted. */
const DROP_MS = 30_000

interface Owner {
  readonly machine: string
  readonly pid: number
  /** When it has ended for certain, in milliseconds since 1970. */
  readonly until: number
}

/** `session` may say in which schema a table is looked for, and made. */
interface Target {
  readonly to: ResolvedConnection
  readonly params: Pick<Params, 'session'>
}

/** `until`: when this process has ended, or has given the table up, for certain. */
export function scratchName(until: number): string {
  return `rowshift_bench_${thisMachine()}_${process.pid}_${Math.ceil(until / 1000).toString(36)}`
}

/** Whether a table of this name was left by a bench that is no longer at work. */
export function isLeftOver(table: string, now = Date.now()): boolean {
  const [, machine, pid, until] = NAME.exec(table) ?? []
  if (machine === undefined) return false
  const owner: Owner = { machine, pid: Number(pid), until: Number.parseInt(until!, 36) * 1000 }
  return now > owner.until + SKEW_MS || (owner.machine === thisMachine() && !isRunning(owner.pid))
}

/** Throws ACCESS_DENIED where this user may not drop tables, whether or not the table is there. */
export function dropTable(target: Target, table: string): Promise<void> {
  return withWriter(target, (writer) => writer.skills.dropTable!(table))
}

/** Drops the tables that benches which died have left in the target; resolves to their names. */
export function dropLeftOvers(target: Target): Promise<readonly string[]> {
  return withWriter(target, async (writer) => {
    const left = ((await writer.skills.tables?.()) ?? []).filter((table) => isLeftOver(table))
    for (const table of left) await writer.skills.dropTable!(table)
    return left
  })
}

/**
 * Throws PARAMS_INVALID unless the target's plugin can make and drop tables, and what its reader throws for a database that is not there: one
 * that is a file would be made, and stay.
 */
export async function checkTarget({ to, params }: Target, signal: AbortSignal): Promise<void> {
  const endpoints = endpointsOf(to, params.session)
  const [writer] = writersOf(to.loaded.plugin, endpoints)
  if (!writer?.skills.planCreateTable || !writer.skills.dropTable)
    throw new RowshiftError(
      'PARAMS_INVALID',
      `rowshift bench copies into a table that it makes and drops, and databases of type "${to.loaded.type}" cannot do that. Name another target by --to.`,
    )
  const readers = readersOf(to.loaded.plugin, endpoints)
  try {
    await openAll(readers, signal)
  } finally {
    await closeAll(readers)
  }
}

async function withWriter<T>({ to, params }: Target, use: (writer: Writer) => Promise<T>): Promise<T> {
  const [writer] = writersOf(to.loaded.plugin, endpointsOf(to, params.session))
  try {
    await writer!.connect(AbortSignal.timeout(DROP_MS))
    return await use(writer!)
  } finally {
    await closeAll([writer!])
  }
}

function thisMachine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
