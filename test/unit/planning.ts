// Plans between tables of SQLite files, made inside this process: what `rowshift plan` does once it has read its command line.
import { fromUrl } from '../../src/config/config.js'
import type { CopyRequest } from '../../src/engine/copy-request.js'
import { planCopy } from '../../src/engine/job.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { readParams } from '../../src/task/params.js'

/** `from` and `to` are what stands behind `sqlite:`, as in `/tmp/a.db?table=t`. */
export async function planned(
  from: string,
  to: string,
  params: object = {},
  more: Partial<CopyRequest> = {},
): Promise<RunPlan> {
  return planCopy(await requested(from, to, params, more))
}

export async function requested(
  from: string,
  to: string,
  params: object,
  more: Partial<CopyRequest> = {},
): Promise<CopyRequest> {
  const [source, target] = [await fromUrl(`sqlite:${from}`, '--from'), await fromUrl(`sqlite:${to}`, '--to')]
  return { runId: 'test', taskId: null, from: source, to: target, params: readParams(params), ...more }
}

/** `a -> b` for each column, with what becomes of its values. */
export function columnsOf({ write }: RunPlan): string[] {
  return write.columns.map(
    ({ source, target, check }) => `${source.name} -> ${target.name}: ${check.conversion}`,
  )
}
