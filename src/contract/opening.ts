/** What holds connections: a reader, a writer, or several of them as one. */
export interface Opening {
  /**
   * `signal` is for all that will ever be waited for here: when it aborts, what is under way throws INTERRUPTED soon, what the
   * database does for it ends, and only `close` works after that. A commit that was sent has another second to be answered.
   * Default: nothing interrupts it.
   */
  connect(signal?: AbortSignal): Promise<void>
  /** Also what is only being opened. Ends within seconds, and never throws for a server that is gone. */
  close(): Promise<void>
}

/**
 * Opens all of them at the same time, the only way in which that is done. When one cannot be opened, the others are given up
 * and closed, and its error is thrown: a connection that nobody owns would keep the process alive.
 */
export async function openAll(openings: readonly Opening[], signal?: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const whole = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const failures: unknown[] = []
  const attempts = openings.map(async (opening) => {
    try {
      await opening.connect(whole)
    } catch (error) {
      failures.push(error)
      stop.abort()
    }
  })
  await Promise.all(attempts)
  if (failures.length === 0) return
  await closeAll(openings)
  throw failures[0]
}

/** Whether they were opened or not. One that cannot be closed does not keep the others open. */
export async function closeAll(
  openings: readonly ({ close?(): Promise<void> } | null | undefined)[],
): Promise<void> {
  await Promise.allSettled(openings.map(async (opening) => opening?.close?.()))
}
