/** Rows that the source has deleted, as a plan knows them. */
import type { RunPlan } from '../contract/run-plan.js'
import type { SourceSpec } from '../contract/source-spec.js'
import type { PlannedWrite } from '../contract/write.js'

/** The most rows that one statement deletes. */
const DELETE_ROWS = 500

/** What a copy reads of each split. Where deleted rows are flagged, they are copied like any other, the flag among their columns. */
export function copiedRows({ read, deletions }: Pick<RunPlan, 'read' | 'deletions'>): SourceSpec {
  if (!deletions?.rows || deletions.flag !== null) return read
  return { ...read, where: deletions.rows.live }
}

/** The keys of the deleted rows of each split; null: the run leaves them alone. */
export function deletedRows({ mode, read, write, deletions }: RunPlan): SourceSpec | null {
  if (mode !== 'increment' || !deletions?.rows) return null
  return {
    ...read,
    columns: keyColumns(write).map(({ source }) => source),
    batch: { ...read.batch, rows: DELETE_ROWS },
    where: deletions.rows.deleted,
  }
}

/** For {@link deletedRows}. */
export function keysOnly(write: PlannedWrite): PlannedWrite {
  return { ...write, columns: keyColumns(write) }
}

function keyColumns({ columns, identity }: PlannedWrite): PlannedWrite['columns'] {
  return columns.filter(({ target }) => identity!.includes(target.name))
}
