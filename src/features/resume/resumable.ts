import type { RunState } from './run-state.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Reader, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { Params } from '../../task/params.js'

interface Planned {
  readonly params: Pick<Params, 'mode' | 'consistency'>
  readonly read: SourceSpec
  readonly write: TargetSpec
}

/** Of a plan: what decides how one goes on with its run. */
interface Left extends Pick<RunPlan, 'mode'> {
  readonly policy: Pick<RunPlan['policy'], 'besideRows'>
}

export interface ResumePlan {
  readonly policy: Pick<RunPlan['policy'], 'resumable' | 'unresumable' | 'besideRows'>
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
}

/** How one goes on with a run that ends early. */
export async function planResume(
  planned: Planned & { readonly params: Params },
  readers: readonly Reader[],
  writers: readonly Writer[],
): Promise<ResumePlan> {
  const { params, read } = planned
  const why = whyNotResumable(planned, readers, writers)
  const resumable = why === null && !isOneSplit(read) && params.mode !== 'sync'
  const unable = resumable ? await whyNoCheckpoints(writers) : null
  return {
    policy: {
      resumable: resumable && unable === null,
      unresumable: why ?? unable,
      besideRows: besideRows(params),
    },
    reasons: unresumableReasons(why, params),
    warnings: unresumableReasons(unable, params),
  }
}

/** Why a run that ends early can only be begun anew, in words; null: it can be resumed, or is one split. */
function whyNotResumable(
  { params, read, write }: Planned,
  readers: readonly Reader[],
  writers: readonly Writer[],
): string | null {
  if (params.mode === 'sync') return null
  if (isOneSplit(read))
    return write.sharding === null
      ? null
      : 'rows without a key are one split, which its shards store one after another'
  if (params.consistency === 'snapshot') return 'the moment that a snapshot shows is gone when the run ends'
  if (!writers.every(({ skills }) => skills.checkpoints !== undefined))
    return 'the target keeps no checkpoints'
  if (write.unmarked !== undefined) return write.unmarked
  if (!readers.every(({ skills }) => skills.splitAfter !== undefined))
    return 'the source cannot be split from a key on'
  return null
}

/** Without a key the whole table is one. */
function isOneSplit({ key, sources }: SourceSpec): boolean {
  return key === null && sources == null
}

/** What keeps the user of this connection from leaving checkpoints, in words; null: nothing. */
export async function whyNoCheckpoints(writers: readonly Writer[]): Promise<string | null> {
  for (const { skills } of writers) {
    const obstacle = (await skills.checkpoints!.obstacle?.()) ?? null
    if (obstacle !== null) return obstacle
  }
  return null
}

/** What a run does to its target beside writing rows. */
function besideRows({ preSql, postSql, schemaSaveMode }: Params): string[] {
  const all: [boolean, string][] = [
    [schemaSaveMode === 'recreate', 'schema_save_mode "recreate"'],
    [preSql.length > 0, 'pre_sql'],
    [postSql.length > 0, 'post_sql'],
  ]
  return all.flatMap(([asked, name]) => (asked ? [name] : []))
}

function unresumableReasons(why: string | null, params: Params): string[] {
  const left = { mode: params.mode, policy: { besideRows: besideRows(params) } }
  return why === null ? [] : [`if this run ends early, it ${wayOn(why, left)}`]
}

/** A comparison of both tables finds out which rows are missing, and nothing else that a run had to do. */
export function canBeCompleted({ mode, policy }: Left): boolean {
  return mode === 'init' && policy.besideRows.length === 0
}

/** How one goes on with a run that has no checkpoints. Of an increment, a comparison of all rows would not move the watermark. */
export function wayOn(why: string, left: Left): string {
  const { mode, policy } = left
  const otherwise = canBeCompleted(left)
    ? '"rowshift resume" compares both tables and writes what is missing'
    : mode === 'init'
      ? `a comparison would complete its rows, but not do ${policy.besideRows.join(' and ')}, so begin it anew, where write_mode is "insert" into an empty target; or run "rowshift verify --repair" and do the rest by hand`
      : 'it is run again from where it began, which takes write_mode "upsert" or "ignore" where rows of it are there'
  return `has no checkpoints to go on from (${why}): ${otherwise}`
}

/** The same as a sentence. */
export function unableTo(why: string, left: Left): string {
  return `This run ${wayOn(why, left)}.`
}

export function noFence(): RowshiftError {
  return new RowshiftError(
    'HOSTS_REFUSED',
    'The target keeps no checkpoints, so nothing there keeps a split from being stored twice. Leave out --workers to run it in this process.',
  )
}

/** What is known of a copy when it failed. */
export interface AskedAgain {
  readonly taskId: number | null
  readonly resume?: unknown
}

/** The command that goes on with a run; null: none does. The copy of a database has no run of a single table in its notes. */
export function hintOn(
  run: string,
  phase: RunState['phase'],
  { taskId, resume }: AskedAgain,
  isOneOfMany: boolean,
): string | null {
  const among = isOneOfMany && taskId === null
  const urls = among
    ? ' --from URL --to URL" with the same URLs, each with ?table=name, and the same params'
    : ' --from URL --to URL" with the same URLs and params'
  const command = `"rowshift resume ${run}${taskId === null ? urls : '"'}`
  if (phase === 'failed')
    return `No row is left to copy: if you accept that, for instance with a higher error_limit, ${command} ends the run. Nobody goes on with it by itself.`
  if (!among) return `Splits that were committed stay: ${command} goes on from there.`
  return resume === 'never'
    ? null
    : 'Splits that were committed stay: the same "rowshift copy" again goes on from there, and with the tables that are left.'
}
