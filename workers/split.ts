/** The Piscina entry point: what a worker thread runs for each split. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CopyJob, SplitResult, WorkerSetup } from '../src/engine/messages.js'
import { Copier } from './copier.js'

const setup = workerData as WorkerSetup
const copier = new Copier(setup, (message) => parentPort!.postMessage(message))

if (setup.plan.policy.consistency === 'snapshot') void copier.connect()

export default function runJob(job: CopyJob): Promise<SplitResult> {
  return copier.run(job)
}
