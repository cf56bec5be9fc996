/** The Piscina entry point: what a worker thread runs for each split. */
import { MessageChannel, parentPort, workerData } from 'node:worker_threads'
import type { JobOwner } from '../src/engine/job-queue.js'
import type {
  CopyJob,
  CopySetup,
  SplitResult,
  TablesSetup,
  ThreadMessage,
  WorkerSetup,
} from '../src/engine/messages.js'
import { CopyThread } from './copy-thread.js'

const setup = workerData as WorkerSetup | TablesSetup
const ofOne = 'plan' in setup ? setup : null
const thread = new CopyThread(
  setup,
  (message) => parentPort!.postMessage(message),
  ofOne ? async () => ofOne : fetchSetup,
)

const begins = 'plan' in setup ? setup.plan.policy.consistency === 'snapshot' : setup.beginsSnapshot
if (begins && setup.snapshot === undefined) void thread.connect()
/** One that has begun. A job says so when that has failed. */
const joined = setup.snapshot === undefined ? null : thread.joinSnapshot(setup.snapshot)

export default async function runJob(job: CopyJob & Pick<JobOwner, 'run'>): Promise<SplitResult> {
  if (joined) await joined
  return thread.run(job)
}

function fetchSetup(run: string): Promise<CopySetup | null> {
  const { port1, port2 } = new MessageChannel()
  const answer = new Promise<CopySetup | null>((resolve) => {
    port1.once('message', (found: CopySetup | null) => {
      port1.close()
      resolve(found)
    })
  })
  parentPort!.postMessage({ type: 'setup', run, port: port2 } satisfies ThreadMessage, [port2])
  return answer
}
