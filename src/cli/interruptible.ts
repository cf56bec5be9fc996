import { setMaxListeners } from 'node:events'
import { ExitCode } from '../contract/errors.js'

/** Ctrl-C, what service managers send, and a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * The first signal aborts the one that `work` is given, so that it stops cleanly; the second ends us at once. But for SIGHUP:
 * a terminal that closes may send it several times, by its shell and by the kernel.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  // Tables that are copied side by side listen to it, each with all that it opens.
  setMaxListeners(0, stop.signal)
  const listener = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) {
      if (name === 'SIGHUP') return
      process.exit(ExitCode.interrupted)
    }
    stop.abort()
    process.stderr.write(
      '\nStopping; what is not committed is rolled back. Press Ctrl-C again to leave at once.\n',
    )
  }
  for (const signal of SIGNALS) process.on(signal, listener)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of SIGNALS) process.off(signal, listener)
  }
}
