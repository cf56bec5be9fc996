/** The Piscina entry point: what a worker thread runs for each split. */
import { parentPort, threadId, workerData } from 'node:worker_threads'
import type { CopyJob, SplitResult, WorkerSetup } from '../src/engine/messages.js'
import { follow } from './control.js'
import { Copier } from './copier.js'

const setup = workerData as WorkerSetup
const copier = new Copier(setup, (message) => parentPort!.postMessage(message))

const handlers = {
  snapshot: () => void copier.beginSnapshot(),
  abort: () => copier.abort(),
  close: () => void copier.close(),
  [`give up ${threadId}` as const]: () => copier.giveUp(),
}
follow(handlers, setup.control)
if (setup.plan.policy.consistency === 'snapshot') void copier.connect()

export default function runJob(job: CopyJob): Promise<SplitResult> {
  return copier.run(job)
}
