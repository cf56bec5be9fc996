/** The Piscina entry point of a verification: what a worker thread runs for each range. */
import { parentPort, workerData } from 'node:worker_threads'
import type { VerifyJob, VerifyResult, VerifySetup } from '../src/features/verify/messages.js'
import { Verifier } from './verifier.js'

const verifier = new Verifier(workerData as VerifySetup, (message) => parentPort!.postMessage(message))

export default function verifyRange(job: VerifyJob): Promise<VerifyResult> {
  return verifier.run(job)
}
