/** Loads a user's module in a thread of its own while a copy is planned, and says what it exports. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ProbeResult } from '../src/engine/transform-check.js'
import { RowshiftError } from '../src/contract/errors.js'
import { loadModule } from './transform-module.js'

async function probe(url: string): Promise<ProbeResult> {
  try {
    const { columns } = await loadModule(url)
    return { columns, error: null }
  } catch (thrown) {
    return { columns: [], error: RowshiftError.from(thrown).report() }
  }
}

parentPort!.postMessage(await probe(workerData as string))
