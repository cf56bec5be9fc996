/** Which workers there are, and what they do, for people. */
import { settled } from '../../engine/progress.js'
import { EVERY_RUN, type HostBeat } from './host-beat.js'
import type { Heard, HostStore } from './store.js'

export interface HostRun {
  readonly runId: string
  /** Of the worker's threads, those that work for this run. */
  readonly threads: number
  readonly rowsPerSecond: number
  /** That it has in hand. */
  readonly splits: readonly { readonly split: number; readonly rowsRead: number; readonly rowsDone: number }[]
  /** Why it takes no part; null: it does. */
  readonly refused: string | null
}

export interface PresentHost {
  /** Of the machine, and the process there. */
  readonly name: string
  readonly threads: number
  readonly rowsPerSecond: number
  /** Since it was heard last, by the clock of the queue. */
  readonly silentSeconds: number
  readonly runs: readonly HostRun[]
}

/** Those that were heard of in the last seconds, by name. */
export async function presentHosts(store: HostStore): Promise<PresentHost[]> {
  const ids = [...(await store.runs()).keys()].toSorted()
  const runs = await Promise.all(ids.map(async (id) => [id, await store.heard<HostBeat>(id)] as const))
  const hosts = [...(await store.heard<HostBeat>(EVERY_RUN))].map(([id, heard]) =>
    hostOf(
      heard,
      runs.flatMap(([runId, beats]) => {
        const beat = beats.get(id)?.beat
        return beat ? [runOf(runId, beat)] : []
      }),
    ),
  )
  return hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function hostOf({ beat, silentMs }: Heard<HostBeat>, runs: readonly HostRun[]): PresentHost {
  return {
    name: beat.name,
    threads: beat.threads,
    rowsPerSecond: runs.reduce((sum, run) => sum + run.rowsPerSecond, 0),
    silentSeconds: silentMs / 1000,
    runs,
  }
}

function runOf(runId: string, { threads, rowsPerSecond, active, refused }: HostBeat): HostRun {
  return {
    runId,
    threads,
    rowsPerSecond: Math.round(rowsPerSecond),
    splits: active.map(([, split, counts]) => ({
      split,
      rowsRead: counts.rowsRead,
      rowsDone: settled(counts),
    })),
    refused: refused === null ? null : refused.message,
  }
}
