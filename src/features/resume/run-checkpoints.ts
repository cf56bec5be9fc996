import { RowshiftError } from '../../contract/errors.js'
import type { Backfill } from '../../plan/bounds.js'
import type { Checkpoints, Reader, SplitCheckpoint, SplitSize, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { RunReport } from '../../contract/task-store.js'
import { splitSource } from '../sources/splits.js'
import type { SplitMarkJob } from '../../engine/messages.js'
import { noCounts } from '../../engine/messages.js'
import { failpoint } from '../../failpoint.js'
import { log } from '../../log.js'
import type { LeftSplit } from './done-ranges.js'
import { groupOf, splitsLeft } from './done-ranges.js'
import type { RunMemory } from './run-memory.js'
import type { RunFacts, RunState } from './run-state.js'
import { createsTables } from '../../engine/table-changes.js'
import type { AskedAgain } from './resumable.js'
import { hintOn, noFence, unableTo, wayOn } from './resumable.js'
import { elsewhereState, merged, nameOf, newState } from './run-state.js'
import type { Resuming } from '../sources/resumed-splits.js'

/** A split as it was planned, and its place among the others. */
export type PlannedSplit = LeftSplit & {
  /** No other split of the run comes before it or after it. Default: that is not known. */
  readonly only?: true
}

export interface RunOptions {
  /** Of this execution. */
  readonly runId: string
  readonly plan: RunPlan
  readonly readers: readonly Reader[]
  readonly writers: readonly Writer[]
  /** Asked when the first checkpoint is due: by then a target table that is made is there. */
  readonly facts: () => Promise<RunFacts>
  /** Runs of the same copy that are not to be resumed any more. */
  readonly abandoned: readonly string[]
  /** null: the checkpoints of a run go as soon as it succeeds. */
  readonly memory: RunMemory | null
  /** A run of one split has them too, and without them it fails: nothing else keeps a split from being stored twice. */
  readonly always: boolean
}

const FINISH_BY_HAND =
  'All rows are there, so the run cannot be resumed, and is not to be begun anew: run the rest of post_sql by hand.'

/**
 * What a run leaves in its target so that it can be resumed, and what an earlier attempt has left. Where there are no checkpoints, it only
 * plans the splits.
 */
export class RunCheckpoints {
  readonly #options: RunOptions
  /** Of each database; the first has the state of the run. None: this run leaves none. */
  readonly #checkpoints: readonly Checkpoints[]
  #run: { readonly id: string; readonly attempt: number; readonly state: RunState } | null = null
  #begun: Promise<void> | null = null
  /** Why there are no checkpoints although there should be, in words. */
  #unable: string | null = null
  /** Nothing is left to resume, or somebody else does. */
  #ended = false
  #phase: RunState['phase'] = 'copying'
  readonly warnings: string[] = []

  constructor(options: RunOptions) {
    this.#options = options
    const { plan, writers, always } = options
    this.#checkpoints = plan.policy.resumable || always ? checkpointsOf(writers) : []
    const why = plan.policy.unresumable
    this.#unable = why === null ? null : unableTo(why, plan)
  }

  /** Goes on with a run. */
  static async claim(options: RunOptions, { run, attempt }: { run: string; attempt: number }) {
    const resumed = new RunCheckpoints(options)
    const { runId } = options
    let state: RunState | null = null
    const [first, ...others] = resumed.#checkpoints
    const elsewhere: SplitCheckpoint[] = []
    for (const other of others) elsewhere.push(...(await other.fence({ run, attempt })))
    await first!.claim({ run, attempt }, (before, splits) => {
      state = merged(JSON.parse(before) as RunState, [...splits, ...elsewhere], { attempt, execution: runId })
      return JSON.stringify(state)
    })
    for (const other of others) await other.forget({ run, attempt })
    resumed.#run = { id: run, attempt: attempt + 1, state: state! }
    resumed.#begun = Promise.resolve()
    return resumed
  }

  /** For the report; null: this is the first attempt. */
  get resumed(): RunReport['resumed'] {
    if (this.#run === null || this.earlier === null) return null
    const { splits, counts } = this.earlier
    const { rowsRead, rowsWritten, dirtyRows, bytes } = counts
    return { run: this.#run.id, attempt: this.#run.attempt, splits, rowsRead, rowsWritten, dirtyRows, bytes }
  }

  /** The run that can be resumed as long as this execution has not succeeded; null: none can. */
  get resumable(): string | null {
    const { unresumable } = this.#options.plan.policy
    const ended = this.#ended || this.#phase === 'finishing' || unresumable !== null
    return this.#run === null || ended ? null : this.#run.id
  }

  /** The error, with the command that goes on from there, if one does. */
  withWayOn(error: RowshiftError, request: AskedAgain, isOneOfMany: boolean): RowshiftError {
    if (error.code === 'RUN_TAKEN') this.#ended = true
    if (this.#phase === 'finishing' && !this.#ended) return withHint(error, FINISH_BY_HAND)
    // Whoever goes on meets it again.
    if (error.code === 'COUNT_MISMATCH') return error
    if (this.resumable === null) {
      const known = this.#ended || error.code === 'HOSTS_REFUSED'
      return this.#unable === null || known ? error : withHint(error, this.#unable)
    }
    const hint = hintOn(this.resumable, this.#phase, request, isOneOfMany)
    return hint === null ? error : withHint(error, hint)
  }

  /** The range that the run was begun with; undefined: nobody went on with it. */
  get backfill(): Backfill | null | undefined {
    return this.earlier === null ? undefined : this.#run!.state.backfill
  }

  /** What earlier attempts have done; null: this is the first one. */
  get earlier(): Pick<RunState, 'splits' | 'counts' | 'executions' | 'rejected' | 'done'> | null {
    return this.#run !== null && this.#run.attempt > 1 ? this.#run.state : null
  }

  /** All splits of the source, or those that are left. Of a fresh run with one split only, nothing need be kept. */
  async *splits(size: SplitSize, resuming: Resuming): AsyncGenerator<PlannedSplit> {
    const { readers, plan } = this.#options
    if (this.#run === null || this.#run.attempt === 1) {
      // Shards commit one after another, so that even a single split may be there in part.
      if (plan.write.sharding !== null || this.#options.always || (await this.#endsOthers()))
        await this.begin()
      return yield* this.#beginningWithTwo(this.#all(size, resuming))
    }
    yield* splitsLeft({ readers, read: plan.read }, this.#run.state.done, size, resuming)
  }

  /** Whether it has dropped the table that others write: they are not to say that their rows are there. */
  async #endsOthers(): Promise<boolean> {
    const { create, table } = this.#options.plan.write
    const [first] = this.#checkpoints
    return create?.drops === true && first !== undefined && (await first.list(table.table)).length > 0
  }

  /** Before this run changes anything: whoever resumed one of them later would find its rows gone, or not notice that they are. */
  async endAbandoned(): Promise<void> {
    failpoint('planned')
    for (const run of this.#options.abandoned) await this.#remove(run)
  }

  /** From here on splits leave checkpoints; before the first of several is written. */
  begin(): Promise<void> {
    return (this.#begun ??= this.#begin())
  }

  /** What the split is to leave. `again`: nobody knows whether an attempt in this process has stored it. */
  mark({ path, parts }: Pick<PlannedSplit, 'path' | 'parts'>, again: boolean): SplitMarkJob | undefined {
    if (this.#run === null) return undefined
    const { id, attempt } = this.#run
    return { run: id, attempt, split: nameOf(path), again, parts }
  }

  /** What is looked at when every split is stored. What fails then would fail again, so that no run goes on by itself from there. */
  async check(work: () => void): Promise<void> {
    failpoint('copied')
    try {
      work()
    } catch (thrown) {
      await this.#enter('failed').catch((also: unknown) => this.#warn(RowshiftError.from(also).message))
      throw thrown
    }
  }

  /** An earlier attempt has done everything. */
  get finished(): boolean {
    return this.#run?.state.phase === 'ended'
  }

  /** Before `post_sql` runs, which cannot be done twice. */
  async finishing(): Promise<void> {
    if (this.#options.plan.write.postSql.length > 0) await this.#enter('finishing')
    failpoint('finishing')
  }

  /** The run has succeeded. What cannot be removed does not undo it. */
  async end(): Promise<void> {
    failpoint('finished')
    if (this.#run === null) return
    const { id } = this.#run
    const { memory } = this.#options
    if (memory !== null) {
      await this.#enter('ended')
      memory.keep(id)
    }
    this.#ended = true
    if (memory !== null) return
    try {
      await this.#remove(id)
      failpoint('run-removed')
    } catch (thrown) {
      const { message } = RowshiftError.from(thrown)
      this.#warn(`the checkpoints of run ${id} could not be removed from the target: ${message}`)
    }
  }

  async #enter(phase: RunState['phase']): Promise<void> {
    if (this.#run === null) return
    const { id: run, attempt, state } = this.#run
    const entered = JSON.stringify({ ...state, phase } satisfies RunState)
    await this.#checkpoints[0]!.update({ run, attempt, state: entered })
    this.#phase = phase
  }

  async #begin(): Promise<void> {
    const { runId, plan, facts } = this.#options
    const [first, ...others] = this.#checkpoints
    if (first === undefined && this.#options.always) throw noFence()
    if (first === undefined) return
    try {
      const state = newState(runId, await facts(), plan, noCounts)
      const { table } = plan.write.table
      // The first one last: who finds the run there finds it everywhere.
      const remakes = plan.write.create !== null
      const begun = {
        run: runId,
        table,
        supersedes: createsTables(plan) || plan.write.preSql.length > 0,
        remakes,
      }
      for (const other of others) await other.begin({ ...begun, state: elsewhereState(state) })
      await first.begin({ ...begun, state: JSON.stringify(state) })
      this.#run = { id: runId, attempt: 1, state }
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      for (const other of others) await other.end(runId).catch(() => {})
      if (error.retryable || error.code === 'INTERNAL' || this.#options.always) throw error
      this.#warn(`if this run ends early, it ${wayOn(error.message, plan)}`)
      this.#unable = unableTo(error.message, plan)
    }
  }

  async *#all(size: SplitSize, resuming: Resuming): AsyncGenerator<PlannedSplit> {
    const { readers, plan } = this.#options
    let index = 0
    for await (const split of splitSource(readers, plan.read, size, resuming))
      yield { split, path: [this.#checkpoints.length > 0 ? groupOf(plan.read, split) : 0, index++] }
  }

  /** The first split is held back until it is known whether there is a second one. */
  async *#beginningWithTwo(splits: AsyncGenerator<PlannedSplit>): AsyncGenerator<PlannedSplit> {
    let first: PlannedSplit | null = null
    let held = false
    for await (const split of splits) {
      if (!held && this.#begun === null) {
        first = split
        held = true
        continue
      }
      if (first !== null) {
        await this.begin()
        yield first
        first = null
      }
      yield split
    }
    if (first !== null) yield { ...first, only: true }
  }

  /** The first database first: without the run there, nobody goes on with what the others have. */
  async #remove(run: string): Promise<void> {
    for (const checkpoints of checkpointsOf(this.#options.writers)) await checkpoints.end(run)
  }

  #warn(warning: string): void {
    log.warn({ runId: this.#options.runId }, warning)
    this.warnings.push(warning)
  }
}

/** Of a run that failed before it had a plan. */
export const noCheckpoints = { backfill: undefined, resumed: null, resumable: null, warnings: [] }

function checkpointsOf(writers: readonly Writer[]): Checkpoints[] {
  return writers.flatMap(({ skills }) => skills.checkpoints ?? [])
}

function withHint({ code, message, details, cause }: RowshiftError, hint: string): RowshiftError {
  return new RowshiftError(code, `${message}\n${hint}`, details, cause)
}
