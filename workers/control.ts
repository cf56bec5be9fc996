import { BroadcastChannel } from 'node:worker_threads'
import type { ControlMessage } from '../src/engine/messages.js'

/** What a thread does about each message; one that it leaves out does not concern it. */
export type ControlHandlers = Readonly<Partial<Record<ControlMessage, () => void>>>

/** Listens to what the coordinator says to all threads at once. */
export function follow(channel: string, handlers: ControlHandlers): void {
  const control = new BroadcastChannel(channel)
  control.onmessage = (event) => handlers[(event as { data: ControlMessage }).data]?.()
  control.unref()
}
