/** How a target remembers which splits of a run it holds. Part of the plugin contract. */
import { RowshiftError } from './errors.js'

/** A run that has begun, and not ended yet. Plain JSON without secrets. */
export interface RunCheckpoint {
  readonly run: string
  /** The table that it writes, as the database names it. */
  readonly table: string
  /** Counts from 1; whoever goes on with the run raises it. What an earlier attempt has not committed by then never will be. */
  readonly attempt: number
  /** Rows that its stored splits have written, in all attempts. */
  readonly rows: number
  /** Another run, which has made or emptied the same table since, or may have; null: none has. */
  readonly supersededBy: string | null
  /** The engine's own: plain text. */
  readonly state: string
}

export interface NewRun extends Pick<RunCheckpoint, 'run' | 'table' | 'state'> {
  /** It does more to the table than to write rows: other runs of it are superseded, since their rows may be gone. */
  readonly supersedes: boolean
  /** It has made the table anew: other runs of it are superseded, and what they have not committed by then never will be. Default: false. */
  readonly remakes?: boolean
}

/** A split that is stored. */
export interface SplitCheckpoint {
  /** Its name within the attempt. */
  readonly split: string
  readonly state: string
}

/**
 * The checkpoints of a target, in one small table of each database, which stays when it is empty. Each method is a transaction of its own, on
 * the main thread; what a split leaves there is written by `Writer.write`, in the transaction of its rows (`SplitMark`).
 */
export interface Checkpoints {
  /** Runs that have not ended, the newest first; with `table`, those that write it, in whichever way its name is written. Empty where there are none, or where they may not be read. */
  list(table?: string): Promise<readonly RunCheckpoint[]>
  /** Optional: what keeps this user from making the table or writing to it, in words; null: nothing. Changes nothing. Default: `begin` finds out. */
  obstacle?(): Promise<string | null>
  /**
   * After `Writer.prepare`, before the second split: makes the table unless it is there, and the row of the run, with attempt 1. It may
   * supersede the other runs of the same target table. Throws ACCESS_DENIED where the user may not do that.
   */
  begin(run: NewRun): Promise<void>
  /**
   * Goes on with a run: raises `attempt` by one, and waits for what the attempt before is committing. `merge` makes the new state of the run of the old one and of its
   * stored splits, whose rows are deleted. All of it or nothing. Throws RUN_TAKEN when the run has ended, or another process was first.
   */
  claim(
    run: Pick<RunCheckpoint, 'run' | 'attempt'>,
    merge: (state: string, splits: readonly SplitCheckpoint[]) => string,
  ): Promise<void>
  /**
   * Of a target in several databases, in each but the first, before `claim` in that one: from now on nothing of this attempt is committed
   * here, once what is under way has ended. Resolves to the splits of the attempt. Throws RUN_TAKEN when the run has ended.
   */
  fence(run: Pick<RunCheckpoint, 'run' | 'attempt'>): Promise<readonly SplitCheckpoint[]>
  /** After `claim`: deletes the splits of this attempt, which the state of the run has by now. */
  forget(run: Pick<RunCheckpoint, 'run' | 'attempt'>): Promise<void>
  /** Replaces the state of a run. Throws RUN_TAKEN as `claim` does. */
  update(run: Pick<RunCheckpoint, 'run' | 'attempt' | 'state'>): Promise<void>
  /** Deletes all that there is of a run. */
  end(run: string): Promise<void>
  /** Rows of a table, counted. */
  countRows(table: string): Promise<bigint>
}

/** What the methods above throw when a run is no longer theirs. */
export function runTaken(run: string): RowshiftError {
  return new RowshiftError(
    'RUN_TAKEN',
    `Run ${run} is no longer this process's: another one goes on with it, has ended it, or has made its table anew. What this one had not committed was rolled back.`,
    { run },
  )
}
