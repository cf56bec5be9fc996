/** How many threads a run has. */
import { availableParallelism } from 'node:os'
import type { ColumnEntry } from '../task/columns.js'
import type { Params } from '../task/params.js'
import { DEFAULT_WORKERS } from '../task/params.js'
import type { TableSchema } from '../contract/plugin.js'
import { counted } from '../wire/counted.js'
import { rowBytes } from './split-rows.js'

/** Fewer wait for the servers too long, and more than these are not needed before anything is measured. */
const FEWEST_AT_FIRST = 2
const MOST_AT_FIRST = 4
/** Every thread has connections of its own, and few servers gain from more writers. */
const MOST = 8
/** A thread takes several times the memory of such a row while it passes. */
const LARGE_ROW = 1 << 20

/** Where `first` is below `most`, the run finds out on the way how many help. */
export interface ThreadChoice {
  readonly first: number
  readonly most: number
  /** null: the user has chosen. */
  readonly reason: string | null
  /** The same where other hosts leave the table to this process. */
  readonly reasonHere: string | null
}

/** For people. */
export const THREADS_OF_WORKERS = 'threads of workers on other hosts'

export interface ThreadsAsked {
  /** To each of so many, every thread opens a connection. */
  readonly databases: number
  readonly source: TableSchema
  /** Other hosts have the threads. Default: this process has. */
  readonly elsewhere?: boolean | undefined
}

export function chooseThreads(
  params: Params,
  asked: ThreadsAsked,
  cores = availableParallelism(),
): ThreadChoice {
  const choice = threadsHere(params, asked, cores)
  const idle = params.workerNum === null ? '' : '; worker_num says nothing of them'
  const reason = asked.elsewhere ? `as many threads as the workers have that take part${idle}` : choice.reason
  return { ...choice, reason, reasonHere: choice.reason }
}

/** No more threads than there are splits. */
export function forSplits(splits: number, { first, most }: ThreadChoice): ThreadChoice {
  return { first: Math.min(first, splits), most: Math.min(most, splits), reason: null, reasonHere: null }
}

function threadsHere(
  params: Params,
  { databases, source }: ThreadsAsked,
  cores: number,
): Omit<ThreadChoice, 'reasonHere'> {
  if (params.workerNum !== null) return { first: params.workerNum, most: params.workerNum, reason: null }
  const fixed = whyFixed(params)
  if (fixed !== null)
    return {
      first: DEFAULT_WORKERS,
      most: DEFAULT_WORKERS,
      reason: `${counted(DEFAULT_WORKERS, 'thread')}: ${fixed}`,
    }
  const first = Math.max(FEWEST_AT_FIRST, Math.min(MOST_AT_FIRST, cores))
  const most = databases > 1 || rowBytes(source) > LARGE_ROW ? DEFAULT_WORKERS : MOST
  return {
    first,
    most,
    reason: `${counted(first, 'thread')} at first, since there are ${counted(cores, 'core')}; more, up to ${most}, as long as each makes it faster`,
  }
}

/** null: the number may change on the way. */
function whyFixed({ consistency, columns }: Params): string | null {
  if (consistency === 'snapshot')
    return 'all of them see one moment, so there can be no more later; worker_num changes the number'
  const numbered = (columns ?? []).some(choosesWorkers)
  return numbered ? 'of an id with "worker", so many numbers belong to this run' : null
}

function choosesWorkers(entry: ColumnEntry): boolean {
  if (entry === '*' || entry.make?.type !== 'id') return false
  const { ids } = entry.make
  return ids.type === 'snowflake' && ids.worker !== null
}
