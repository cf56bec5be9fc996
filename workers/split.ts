/** The Piscina entry point: what a worker thread runs for each split. */
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads'
import type { ControlMessage, SplitResult, WorkerSetup } from '../src/engine/messages.js'
import type { Split } from '../src/plugin.js'
import { Copier } from './copier.js'

const setup = workerData as WorkerSetup
const copier = new Copier(setup, (message) => parentPort!.postMessage(message))

const control = new BroadcastChannel(setup.control)
control.onmessage = (event) => {
  const message = (event as { data: ControlMessage }).data
  if (message === 'snapshot') void copier.beginSnapshot()
  else if (message === 'abort') copier.abort()
  else void copier.close()
}
control.unref()
if (setup.plan.consistency === 'snapshot') void copier.connect()

export default function copySplit(split: Split): Promise<SplitResult> {
  return copier.copy(split)
}
