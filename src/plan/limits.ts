import type { PlannedWrite, WritePlan, WriteSpec } from '../contract/plugin.js'

/** About one write statement. */
export const BATCH_BYTES = 1 << 19

/** What is written, and how the writer has chosen to do it, with batches that fit into its statements. */
export function plannedWrite(spec: WriteSpec, write: WritePlan): PlannedWrite {
  const batch = {
    bytes: Math.min(BATCH_BYTES, write.maxBatchBytes ?? BATCH_BYTES),
    rows: spec.writeBatch ?? Number.MAX_SAFE_INTEGER,
  }
  return { ...spec, ...write, batch }
}
