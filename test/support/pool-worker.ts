/** The worker of a pool that a test runs: it says which thread it is, gives up, or never comes back. */
import { parentPort, threadId } from 'node:worker_threads'
import type { Failure, WorkerMessage } from '../../src/engine/messages.js'

export interface PoolJob {
  readonly what: 'answer' | 'give up' | 'hang'
}

export type PoolResult = { readonly outcome: 'done'; readonly thread: number } | Failure

export default function run({ what }: PoolJob): Promise<PoolResult> {
  if (what === 'answer') return Promise.resolve({ outcome: 'done', thread: threadId })
  if (what === 'hang') {
    parentPort!.postMessage({ type: 'log', run: '', level: 'info', text: 'begun' } satisfies WorkerMessage)
    return new Promise(() => {})
  }
  const error = { code: 'CONNECTION_LIMIT', message: 'No more connections.', details: {} } as const
  return Promise.resolve({ outcome: 'failed', error, repeatable: true, gaveUp: threadId })
}
