// In the bundle of the fault suite, this module replaces src/failpoint.ts. Two variables of the environment say what happens:
// ROWSHIFT_FAILPOINT=NAME:HIT:ACTION does something the HIT-th time that the process passes a failpoint, counted over all threads;
// ROWSHIFT_FAILPOINT_TRACE=FILE gets a line for each failpoint that is passed.
import { appendFileSync } from 'node:fs'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { RowshiftError } from '../../src/contract/errors.js'
import type { Failpoint } from '../../src/failpoint.js'

/** `kill`: kill -9; `stop`: SIGSTOP; `die`: the end of the thread; `throw`: an unexpected fault; `lose`: the error of a connection that was lost. */
export type FailpointAction = 'kill' | 'stop' | 'die' | 'throw' | 'lose'

/** The line of the trace that comes before the action. */
export const STRUCK = 'struck'

const STOPPING_MS = 500
const KEY = 'rowshift-failpoint-hits'
const [armed, hit, action] = (process.env['ROWSHIFT_FAILPOINT'] ?? '').split(':')
const trace = process.env['ROWSHIFT_FAILPOINT_TRACE']
/** In shared memory, which threads inherit. */
const hits =
  (getEnvironmentData(KEY) as Int32Array | undefined) ??
  new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
setEnvironmentData(KEY, hits)

export function failpoint(name: Failpoint): void {
  if (trace) appendFileSync(trace, `${name}\n`)
  if (name !== armed || Atomics.add(hits, 0, 1) + 1 !== Number(hit)) return
  if (trace) appendFileSync(trace, `${STRUCK}\n`)
  switch (action as FailpointAction) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      break
    case 'stop':
      process.kill(process.pid, 'SIGSTOP')
      // Another thread takes the signal, and all stop only then.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOPPING_MS)
      break
    case 'die':
      process.exit(7)
    case 'throw':
      throw new Error(`thrown at failpoint ${name}`)
    case 'lose':
      throw new RowshiftError('CONNECTION_LOST', `The connection was lost at failpoint ${name}.`)
    default:
      throw new Error(`no such action: ${action}`)
  }
}
