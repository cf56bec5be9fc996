import { log } from '../log.js'
import type { RunPlan } from '../contract/run-plan.js'

export function warned(runPlan: RunPlan, warnings: readonly string[]): RunPlan {
  return { ...runPlan, warnings: [...warnings, ...runPlan.warnings] }
}

/** Says in the log why the run goes as it does. */
export function announce(
  { runId, taskId }: { readonly runId: string; readonly taskId: number | null },
  { reasons, warnings }: RunPlan,
): void {
  for (const reason of reasons) log.info({ runId, taskId }, reason)
  for (const warning of warnings) log.warn({ runId, taskId }, warning)
}
