/** The Piscina entry point: what a worker thread runs for each split. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CopyJob, SplitResult, WorkerSetup } from '../src/engine/messages.js'
import { Copier } from './copier.js'

const setup = workerData as WorkerSetup
const copier = new Copier(setup, (message) => parentPort!.postMessage(message))

const { snapshot, plan } = setup
if (snapshot === undefined && plan.policy.consistency === 'snapshot') void copier.connect()
/** One that has begun. A job says so when that has failed. */
const joined = snapshot === undefined ? null : copier.joinSnapshot(snapshot)

export default async function runJob(job: CopyJob): Promise<SplitResult> {
  if (joined) await joined
  return copier.run(job)
}
