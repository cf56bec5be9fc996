/** Whether rows go from table to table inside the server that holds both: `write_path: in-server`. */
import { RowshiftError } from '../contract/errors.js'
import type { InServerPlan, InServerSource, InServerTarget } from '../contract/in-server.js'
import { IN_SERVER } from '../contract/in-server.js'
import { fillTable } from '../contract/message.js'
import type { SourceSpec } from '../contract/source-spec.js'
import type { TargetSpec } from '../contract/target-spec.js'
import type { Params } from '../task/params.js'
import { counted } from '../wire/counted.js'
import type { PlanRequest } from './plan-request.js'

/** A look at both ends takes some round trips, which only pay for many rows. */
const MANY_ROWS = 100_000

/** What rows go by that pass through rowshift; null: the writer decides. */
export function clientPath({ writePath }: Params): string | null {
  return writePath === IN_SERVER ? null : writePath
}

/** By which path rows enter the target, for people. */
export function writePathOf({ inServer, path }: TargetSpec): string {
  return inServer ? IN_SERVER : path
}

/** The same plan, with what in-server copies need where they are to be. `changed`: what is done to rows on the way. Throws PARAMS_INVALID where they are asked for and cannot be. */
export async function planInServer(
  request: PlanRequest,
  write: TargetSpec,
  read: SourceSpec,
  changed: object | null,
): Promise<TargetSpec> {
  const { params } = request
  const textOf = (reason: InServerPlan['reason']) => fillTable([reason], write.table.table)[0]!
  const asked = params.writePath === IN_SERVER
  const both = sharedSkills(request)
  if (!asked && (params.writePath !== null || both === null)) return write
  const rows = expectedRows(read)
  const found =
    both === null
      ? impossible('the two ends are not of one kind')
      : (hindrance(params, write, read, changed) ??
        (asked || rows >= MANY_ROWS
          ? await look(both, write, read)
          : impossible(
              `about ${counted(rows, 'row')} by statistics, and a look at both ends pays from ${MANY_ROWS} on`,
            )))
  const { advice, reason } = found
  if (asked && advice === 'impossible') {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `params.write_path is "${IN_SERVER}", but ${textOf(reason)}. Use "auto". Nothing was written.`,
    )
  }
  const chosen = advice === 'better' || (asked && advice === 'possible')
  const said = chosen
    ? `write path ${IN_SERVER}: ${asked ? 'asked for by write_path' : textOf(reason)}; splits with rows that need a closer look go by ${write.path}`
    : `write path ${IN_SERVER} is not taken: ${textOf(reason)}`
  const reasons = [...write.reasons, said]
  return chosen && 'facts' in found ? { ...write, reasons, inServer: found.facts } : { ...write, reasons }
}

/** As far as is known. */
function expectedRows({ table, window }: SourceSpec): number {
  if (window !== null && window.rows < window.countedTo) return window.rows
  return table.estimatedRows ?? 0
}

interface Skills {
  readonly source: InServerSource
  readonly target: InServerTarget
}

/** null: no two databases of these kinds can be one. */
function sharedSkills({ source: { readers }, target: { writers } }: PlanRequest): Skills | null {
  const [source, target] = [readers[0]!.skills.inServer, writers[0]!.skills.inServer]
  return source && target && source.family === target.family ? { source, target } : null
}

/** What needs rows to pass through rowshift, whatever the databases are; null: nothing does. */
function hindrance(
  params: Params,
  write: TargetSpec,
  read: SourceSpec,
  changed: object | null,
): InServerPlan | null {
  const found: readonly [boolean, string][] = [
    [changed !== null || write.deletes || params.mode === 'sync', 'rows are looked into on the way'],
    [read.sources !== null || write.sharding !== null, 'an end is several tables'],
    [params.consistency === 'snapshot', 'a snapshot is seen by the connections of the source only'],
    [params.timeZone !== null, 'the connections of the target do not have the time zone of the source'],
    [params.writeBatch !== null, 'a statement takes all rows of a split, not "write_batch"'],
    [params.speed?.byte != null, 'the bytes of rows that do not pass are not known, and "speed" limits them'],
  ]
  const why = found.find(([holds]) => holds)?.[1]
  return why === undefined ? null : impossible(why)
}

async function look({ source, target }: Skills, write: TargetSpec, read: SourceSpec): Promise<InServerPlan> {
  const sign = await source.showSign(read)
  try {
    return await target.plan(write, read, sign.text)
  } finally {
    await sign.release()
  }
}

function impossible(reason: string): InServerPlan {
  return { advice: 'impossible', reason }
}

/** Why some splits were read after all, at the end of a run. */
export function readInstead({ path }: TargetSpec, splits: number): string[] {
  if (splits === 0) return []
  return [
    `write path ${IN_SERVER}: ${counted(splits, 'split')} went by ${path}, since the server did not take all of their rows as they are`,
  ]
}
