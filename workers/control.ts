import { BroadcastChannel } from 'node:worker_threads'
import type { ControlMessage } from '../src/engine/messages.js'

/** What a thread does about each message; one that it leaves out does not concern it. */
export type ControlHandlers = {
  readonly [Type in ControlMessage['type']]?: (message: Extract<ControlMessage, { type: Type }>) => void
}

/** Listens to what the coordinator says to all threads at once, until the channel is closed. */
export function follow(channel: string, handlers: ControlHandlers): BroadcastChannel {
  const control = new BroadcastChannel(channel)
  control.onmessage = (event) => {
    const message = (event as { data: ControlMessage }).data
    const handle = handlers[message.type] as ((message: ControlMessage) => void) | undefined
    handle?.(message)
  }
  control.unref()
  return control
}
