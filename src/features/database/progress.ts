/** How far the copies of all tables are. */
import { addTimes } from '../../contract/time-spent.js'
import type { Progress } from '../../engine/progress.js'
import { addByName, moved, noProgress } from '../../engine/progress.js'

export interface DatabaseProgress {
  /** Written, committed or not yet, and their bytes. */
  readonly rows: number
  readonly bytes: number
  readonly tables: number
  readonly tablesEnded: number
  /** The largest first. */
  readonly underWay: readonly TableProgress[]
  /**
   * Of the bytes that statistics give the tables: those of the tables and parts of tables that are done. They are bytes in the source, not those
   * of rows on their way. null: a table has no statistics, and has not ended yet.
   */
  readonly share: { readonly done: number; readonly all: number } | null
  readonly threads: number
  /** Of all tables, and what threads have done with their time. */
  readonly splits: Pick<Progress, 'splits' | 'splitsDone' | 'retries' | 'spent'>
  /** Why one of them does not go on for the time being; null: all do. */
  readonly waiting: string | null
  /** What is done beside the rows of tables, in words; null: nothing is. */
  readonly step: string | null
}

export interface TableProgress {
  readonly table: string
  readonly rows: number
  /** By statistics; null: unknown. */
  readonly expectedRows: number | null
  /** What is done after its last split, in words; null: splits are copied. */
  readonly step: string | null
  readonly splits: Pick<Progress, 'splits' | 'splitsDone' | 'active'>
}

/** By statistics, of the source; null: unknown. */
export interface Expected {
  readonly rows: number | null
  readonly bytes: number | null
}

/** What the tables add up to, as they begin, move and end. */
export class DatabaseTotals<Table extends { readonly from: string }> {
  readonly #expected: (table: Table) => Expected
  readonly #tables: number
  #all = 0
  /** Tables without statistics that have not ended. */
  #unknown = 0
  readonly #underWay = new Map<Table, Progress>()
  /** Of the tables that have ended. */
  #rows = 0
  #bytes = 0
  #done = 0
  #splits: DatabaseProgress['splits'] = noProgress
  #ended = 0

  constructor(tables: readonly Table[], expected: (table: Table) => Expected) {
    this.#expected = expected
    this.#tables = tables.length
    for (const table of tables) {
      const { bytes } = expected(table)
      if (bytes === null) this.#unknown++
      else this.#all += bytes
    }
  }

  get underWay(): ReadonlyMap<Table, Progress> {
    return this.#underWay
  }

  move(table: Table, progress: Progress): void {
    this.#underWay.set(table, progress)
  }

  /** Whatever has become of it: nothing more comes. */
  end(table: Table): void {
    const last = this.#underWay.get(table) ?? noProgress
    const { rows, bytes } = moved(last)
    this.#splits = addSplits(this.#splits, last)
    this.#rows += rows
    this.#bytes += bytes
    this.#underWay.delete(table)
    const expected = this.#expected(table).bytes
    if (expected === null) this.#unknown--
    else this.#done += expected
    this.#ended++
  }

  /** `threads`: that all tables share. Default: each has threads of its own. `doing`: `DatabaseProgress.step`. */
  now(threads?: number, doing: string | null = null): DatabaseProgress {
    let [rows, bytes, done, own] = [this.#rows, this.#bytes, this.#done, 0]
    const underWay: TableProgress[] = []
    let waiting: string | null = null
    let splits = this.#splits
    for (const [table, progress] of this.#underWay) {
      const so = moved(progress)
      const expected = this.#expected(table)
      rows += so.rows
      bytes += so.bytes
      own += progress.threads
      splits = addSplits(splits, progress)
      done += (expected.bytes ?? 0) * Math.min(1, so.rows / Math.max(1, expected.rows ?? 1))
      waiting ??= progress.waiting
      const step = progress.step ?? null
      underWay.push({ table: table.from, rows: so.rows, expectedRows: expected.rows, step, splits: progress })
    }
    return {
      rows,
      bytes,
      tables: this.#tables,
      tablesEnded: this.#ended,
      underWay,
      share: this.#unknown > 0 ? null : { done, all: this.#all },
      threads: threads ?? own,
      splits,
      waiting,
      step: doing,
    }
  }
}

function addSplits(a: DatabaseProgress['splits'], b: DatabaseProgress['splits']): DatabaseProgress['splits'] {
  return {
    splits: a.splits + b.splits,
    splitsDone: a.splitsDone + b.splitsDone,
    retries: addByName(a.retries, b.retries, (x, y) => x + y),
    spent: addTimes(a.spent, b.spent),
  }
}
