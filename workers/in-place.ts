/** What the coordinator loads to copy a split in its own thread: the same as a worker thread does. */
import type { ThreadMessage, WorkerMessage, WorkerSetup } from '../src/engine/messages.js'
import { Copier } from './copier.js'

export function makeRunner(
  setup: WorkerSetup,
  post: (message: ThreadMessage | WorkerMessage) => void,
): Copier {
  return new Copier(setup, post)
}
