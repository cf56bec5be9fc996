import { Config, fromUrl } from '../config/config.js'
import type { CopyRequest } from '../engine/job.js'
import { newRunId } from '../engine/report.js'
import { RowshiftError } from '../errors.js'
import type { MaxDelete } from '../verify/deletes.js'
import { findTask, taskRequest } from './copy.js'
import { deliver, interruptible, reported, withProgress, writeReport } from './execution.js'
import type { CommonOptions, ConfigOptions, ReportOptions, TablesOptions } from './options.js'
import { taskId } from './options.js'
import { paramsFromOptions } from './params-options.js'
import { openStore } from './tasks.js'
import { performVerify } from './verify-view.js'

export interface VerifyOptions extends CommonOptions, ConfigOptions, ReportOptions, TablesOptions {
  /** undefined: the tables are named by `from` and `to`. */
  readonly id: number | undefined
  readonly where: string | undefined
  readonly maxDelete: string | undefined
  readonly sample: number
  readonly repair: boolean
}

/** Options as yargs has them. */
export function verifyArguments(
  given: Omit<VerifyOptions, 'id' | 'maxDelete'> & {
    id?: number | undefined
    'max-delete'?: string | undefined
  },
): VerifyOptions {
  return {
    ...given,
    id: given.id === undefined ? undefined : taskId(given.id),
    maxDelete: given['max-delete'],
  }
}

/** `rowshift verify`: compares, and repairs if asked to. Resolves to the exit code. */
export async function verifyCommand(options: VerifyOptions): Promise<number> {
  checkOptions(options)
  const { sample, repair } = options
  const mode = repair ? 'sync' : 'verify'
  if (options.report !== undefined) writeReport(options.report, null)
  const runId = newRunId()
  const verify = async (signal: AbortSignal) => {
    const request = await tables(runId, options)
    const { where, maxDelete } = request.params
    const params = {
      ...request.params,
      where: options.where ?? where,
      maxDelete: options.maxDelete === undefined ? maxDelete : maxDeleteOf(options.maxDelete),
    }
    return withProgress(signal, (view) => performVerify({ ...request, params, mode, sample }, signal, view))
  }
  return deliver(
    await interruptible((signal) => reported(runId, options.id ?? null, () => verify(signal))),
    options,
  )
}

function checkOptions({ id, from, to, sample, repair }: VerifyOptions): void {
  const named = [from, to].filter((url) => url !== undefined).length
  if (named !== (id === undefined ? 2 : 0)) {
    throw new RowshiftError('USAGE', 'Name either a task id, or --from URL and --to URL.')
  }
  if (!(sample > 0 && sample <= 100)) {
    throw new RowshiftError('USAGE', '--sample is a percentage above 0, up to 100.')
  }
  if (repair && sample < 100) {
    throw new RowshiftError('USAGE', '--repair looks at the whole table; leave --sample out.')
  }
}

function maxDeleteOf(text: string): MaxDelete {
  if (/^\d+$/.test(text)) return Number(text)
  if (/^\d+(\.\d+)?%$/.test(text)) return text as MaxDelete
  throw new RowshiftError(
    'USAGE',
    `--max-delete ${text} is neither a number of rows nor a percentage like 5%.`,
  )
}

async function tables(runId: string, options: VerifyOptions): Promise<CopyRequest> {
  if (options.id !== undefined) return taskTables(runId, options.id, options)
  const params = paramsFromOptions(options.params, options.param)
  const from = await fromUrl(options.from!, '--from')
  const to = await fromUrl(options.to!, '--to')
  return { runId, taskId: null, from, to, params }
}

async function taskTables(runId: string, id: number, options: VerifyOptions): Promise<CopyRequest> {
  const config = Config.load(options.config, options.env)
  const store = await openStore(config)
  try {
    const task = await findTask(store, id)
    return await taskRequest(runId, task, config, store, { mode: undefined, fromTarget: false })
  } finally {
    await store.close()
  }
}
