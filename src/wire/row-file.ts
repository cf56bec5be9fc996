import type { Column } from '../contract/table-schema.js'

/**
 * A file of rows in the wire format that describes itself by a JSON file beside it: what a run leaves of the rows that
 * were rejected, and what can be copied from again. Each line has the cells of `columns`, then the three
 * {@link REASON_CELLS}, and of a run that leaves checkpoints the name of the split, by which whoever resumes it tells what is stored.
 */
export interface RowFileSchema {
  readonly format: typeof ROW_FILE_FORMAT
  /** The run that wrote the file. */
  readonly runId: string
  /** Who writes the file; taken away when that run has ended, so that the file of one that was killed can be told. */
  readonly writer?: { readonly host: string; readonly pid: number }
  /** Where the rows came from, and where they were to go. */
  readonly source: string
  readonly target: string
  /**
   * Of rows that the target rejected: the columns of the source under the names that they have in the target, so that a
   * replay needs no mapping. Of rows that the pipeline rejected (`asRead`): the columns that were read.
   */
  readonly columns: readonly Column[]
  /** The rows are as they were read, before anything was computed from them. Default: as they were to be written. */
  readonly asRead?: boolean
}

export const ROW_FILE_FORMAT = 'rowshift-rows-1'

/** At the end of each line: the error's code, the column at fault or NULL, and the error's message. */
export const REASON_CELLS = ['error_code', 'error_column', 'error_message'] as const

/** Where the schema of a row file stands. */
export function schemaFileOf(file: string): string {
  return `${file}.json`
}
