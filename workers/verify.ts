/** The Piscina entry point of a verification: what a worker thread runs for each range. */
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads'
import type { ControlMessage } from '../src/engine/messages.js'
import type { VerifyJob, VerifyResult, VerifySetup } from '../src/verify/messages.js'
import { Verifier } from './verifier.js'

const setup = workerData as VerifySetup
const verifier = new Verifier(setup, (message) => parentPort!.postMessage(message))

const control = new BroadcastChannel(setup.control)
control.onmessage = (event) => {
  const message = (event as { data: ControlMessage }).data
  if (message === 'abort') verifier.abort()
  else void verifier.close()
}
control.unref()

export default function verifyRange(job: VerifyJob): Promise<VerifyResult> {
  return verifier.run(job)
}
