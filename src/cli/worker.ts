/** `rowshift worker`: does the jobs of runs that other processes have begun, on this host. */
import { Config } from '../config/config.js'
import { ExitCode } from '../contract/errors.js'
import { serve } from '../features/hosts/serve.js'
import { HostStore } from '../features/hosts/store.js'
import { counted } from '../wire/counted.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { printNotice } from './output.js'

export interface WorkerOptions extends CommonOptions, ConfigOptions {
  readonly connect: string
  readonly threads: number
  /** In seconds. */
  readonly lock: number
}

/** Until it is stopped. Resolves to the exit code. */
export async function workerCommand({ connect, threads, lock, config, env }: WorkerOptions): Promise<number> {
  const store = await HostStore.open(connect)
  try {
    const { weakness } = store
    if (weakness !== null) printNotice(weakness)
    printNotice(`worker with ${counted(threads, 'thread')} waits for runs at ${store.where}`)
    let loaded: Config | null = null
    await interruptible((signal) =>
      serve(
        {
          store,
          threads,
          lockMs: lock * 1000,
          config: () => (loaded ??= Config.load(config, env)),
          onNotice: (text) => printNotice(`worker ${text}`),
        },
        signal,
      ),
    )
    return ExitCode.success
  } finally {
    await store.close()
  }
}
