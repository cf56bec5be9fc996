/** The Piscina entry point of a verification: what a worker thread runs for each range. */
import { parentPort, workerData } from 'node:worker_threads'
import type { VerifyJob, VerifyResult, VerifySetup } from '../src/features/verify/messages.js'
import { follow } from './control.js'
import { Verifier } from './verifier.js'

const setup = workerData as VerifySetup
const verifier = new Verifier(setup, (message) => parentPort!.postMessage(message))

follow({ abort: () => verifier.abort(), close: () => void verifier.close() }, setup.control)

export default function verifyRange(job: VerifyJob): Promise<VerifyResult> {
  return verifier.run(job)
}
