/** Indexes of the target that come after its rows: those that this run drops, and those that earlier ones have not added. */
import { RowshiftError } from '../../contract/errors.js'
import type { DeferredIndex, IndexesSkill, RefusedIndex, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import { pauseAfter, retried, type RetryPolicy } from '../../contract/waiting.js'
import type { Progress } from '../../engine/progress.js'
import type { TableWrite } from '../shard/table-writes.js'
import { tableWrites } from '../shard/table-writes.js'
import { inTurn } from './in-turn.js'
import { IndexPlaces } from './places.js'

/** What an error shows of the statements that are left to do. */
const SHOWN = 20

export interface Adding {
  /** The connections that may be at work. */
  readonly places: IndexPlaces
  readonly retry: RetryPolicy
  readonly signal: AbortSignal
  /** What is being done, in words. */
  readonly onStep: (step: string) => void
}

/** How a run adds them, by its plan. `among`: those of all tables that are copied side by side. */
export function adding(
  { policy }: RunPlan,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (now: Progress) => void },
  progress: Progress,
  among: IndexPlaces | null = null,
): Adding {
  const { workerNum, retry } = policy
  const places = among ?? new IndexPlaces(workerNum)
  return { places, retry, signal, onStep: (step) => onProgress({ ...progress, step }) }
}

export class DeferredIndexes {
  readonly #tables: readonly TableWrite[]
  /** By table, in the order of `#tables`. */
  readonly #left: DeferredIndex[][]

  private constructor(tables: readonly TableWrite[], left: DeferredIndex[][]) {
    this.#tables = tables
    this.#left = left
  }

  /** With what earlier runs, or attempts of this one, have left. */
  static async find(writers: readonly Writer[], write: TargetSpec): Promise<DeferredIndexes> {
    const tables = tableWrites(writers, write)
    const left: DeferredIndex[][] = []
    for (const { writer, spec } of tables)
      left.push([...((await writer.skills.indexes?.deferred(spec.table.table)) ?? [])])
    return new DeferredIndexes(tables, left)
  }

  get any(): boolean {
    return this.#left.some((indexes) => indexes.length > 0)
  }

  /** What there is to say of a run that begins and finds some. */
  get notices(): string[] {
    return this.#left.flatMap((indexes) => {
      if (indexes.length === 0) return []
      const names = indexes.map(({ name }) => name).join(', ')
      return [
        `an earlier run has dropped indexes of ${indexes[0]!.table} and did not get as far as adding them: this one does so after its last row (${names})`,
      ]
    })
  }

  /** When the tables of the run are there: drops what is to come last. Resolves to why some of it stays. */
  async defer(last: RunPlan['policy']['indexesLast'], signal: AbortSignal): Promise<string[]> {
    const obstacles: string[] = []
    for (const [i, { writer, spec }] of this.#tables.entries()) {
      const { indexes: skill } = writer.skills
      if (skill === undefined) continue
      const created = spec.create !== null
      // Of the table that was there before.
      if (created) await skill.forget(this.#left[i]!.splice(0))
      if (last === 'none' || (last === 'created' && !created)) continue
      const { indexes, obstacle } = await skill
        .defer(spec.table.table, signal)
        .catch(async (thrown: unknown) => {
          // Some may be dropped, and the error is to say which. If nobody can be asked any more, the next run finds them.
          this.#left[i] = await dropped(skill, spec.table.table).catch(() => this.#left[i]!)
          throw thrown
        })
      const names = new Set(indexes.map(({ name }) => name))
      this.#left[i] = [...this.#left[i]!.filter(({ name }) => !names.has(name)), ...indexes]
      if (obstacle !== null) obstacles.push(`indexes of ${spec.table.table} come with its rows: ${obstacle}`)
    }
    return obstacles
  }

  /** After the last row. Resolves to what was done, in words. `warnings` gets what could not be. */
  async add({ places, retry, signal, onStep }: Adding, warnings: string[]): Promise<string[]> {
    if (!this.any) return []
    const started = performance.now()
    let [added, all] = [0, 0]
    const chains: (() => Promise<void>)[][] = []
    let share = 1
    const show = () =>
      onStep(
        `adding ${all === 1 ? '1 index' : `${all} indexes`}${added === 0 ? '' : `, ${added} of them done`}`,
      )
    for (const [i, { writer, spec }] of this.#tables.entries()) {
      if (this.#left[i]!.length === 0) continue
      const skill = writer.skills.indexes!
      const { steps, together } = await skill.missing(spec.table.table, this.#left[i]!)
      this.#left[i] = steps.flat()
      all += steps.flat().length
      const addStep = async (step: readonly DeferredIndex[]): Promise<void> => {
        const refused = await retried(
          () => places.hold((atWork) => skill.add(step, Math.max(share, atWork), signal), signal),
          (error, retries) => pauseAfter(error, retries, retry),
          signal,
        )
        added += step.length - refused.length
        warnings.push(...refused.map(refusal))
        this.#left[i] = this.#left[i]!.filter((index) => !step.includes(index))
        show()
      }
      const works = steps.map((step) => () => addStep(step))
      chains.push(...(together ? works.map((work) => [work]) : [works]))
    }
    if (all === 0) return []
    share = Math.min(places.most, chains.length)
    show()
    await inTurn(chains, share)
    if (added === 0) return []
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    return [`indexes that came after the last row: ${added}, added in ${seconds} s`]
  }

  /** The error of a run that has not added them, with the statements that do. */
  withStatements(error: RowshiftError): RowshiftError {
    const statements = this.#left.flat().map(({ add }) => add)
    if (statements.length === 0) return error
    const more = statements.length > SHOWN ? [`… and ${statements.length - SHOWN} more`] : []
    const lines = [
      error.message,
      'The target lacks indexes, which the next run that succeeds adds, also a resumed one. To add them yourself:',
      ...[...statements.slice(0, SHOWN), ...more].map((sql) => `  ${inOneLine(sql)};`),
    ]
    return new RowshiftError(error.code, lines.join('\n'), error.details, error.cause)
  }
}

/** What is remembered of a table, and is not there. */
async function dropped(skill: IndexesSkill, table: string): Promise<DeferredIndex[]> {
  const { steps } = await skill.missing(table, await skill.deferred(table))
  return steps.flat()
}

function refusal({ index: { name, table, add }, error }: RefusedIndex): string {
  return `index ${name} of ${table}, which was dropped before the rows came, cannot be added as the table is now, and is given up: ${inOneLine(add)}; ${error.message}`
}

function inOneLine(sql: string): string {
  return sql.replaceAll(/\s*\n\s*/g, ' ')
}
