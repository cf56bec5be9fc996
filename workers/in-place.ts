/** What the coordinator loads to copy a split in its own thread: the same as a worker thread does. */
import type {
  CopySetup,
  TablesSetup,
  ThreadMessage,
  WorkerMessage,
  WorkerSetup,
} from '../src/engine/messages.js'
import { CopyThread } from './copy-thread.js'

export function makeRunner(
  setup: WorkerSetup | TablesSetup,
  post: (message: ThreadMessage | WorkerMessage) => void,
  fetch: (run: string) => Promise<CopySetup | null>,
): CopyThread {
  return new CopyThread(setup, post, 'plan' in setup ? async () => setup : fetch)
}
