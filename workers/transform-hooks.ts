import { threadId } from 'node:worker_threads'
import type { RunPlan } from '../src/contract/run-plan.js'
import type { WorkerMessage } from '../src/engine/messages.js'
import { ExecutionMarker } from '../src/features/transform/execution-marker.js'
import type { TransformHooks } from './column-producer.js'

/** A batch is closed by the row that crosses its limit. */
const LONG_ROW = 1 << 16

/** So that the coordinator can watch over a user's function from outside; null: there is none. */
export function transformHooks(
  { pipeline, read }: RunPlan,
  run: string,
  post: (message: WorkerMessage) => void,
): TransformHooks | null {
  if (!pipeline?.transform) return null
  const slot = ExecutionMarker.make(read.batch.bytes + LONG_ROW)
  post({ type: 'calls', run, thread: threadId, memory: slot.memory })
  return { slot, log: (level, text) => post({ type: 'log', run, level, text }) }
}
