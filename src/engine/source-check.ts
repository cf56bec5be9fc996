import { counted } from '../wire/counted.js'
import { log } from '../log.js'
import type { Reader, TableState } from '../contract/plugin.js'
import type { SourceSpec } from '../contract/source-spec.js'
import { sourceState } from '../features/sources/table-reads.js'
import { RowshiftError } from '../contract/plugin.js'

/** A table of which less was read than this share of what statistics expect, and whose last rows are gone, was emptied. */
const LEAST_SHARE = 0.8
/** Pages of rows that others delete are merged now and then; a table that was emptied has hardly any left. */
const LEAST_BYTES_SHARE = 0.5

export interface ReadFacts {
  readonly rowsRead: number
  /** The last split held a row when it was planned, and none when it was read. */
  readonly lastRowsGone: boolean
}

/**
 * Looks whether the source is still the table that it was when the run began: one that is truncated, or whose name another table
 * takes, reads like one that has few rows. Rows that others delete one by one are no reason to say anything.
 */
export class SourceCheck {
  readonly #readers: readonly Reader[]
  readonly #plan: SourceSpec
  readonly #before: TableState | null

  private constructor(readers: readonly Reader[], spec: SourceSpec, before: TableState | null) {
    this.#readers = readers
    this.#plan = spec
    this.#before = before
  }

  static async begin(readers: readonly Reader[], spec: SourceSpec): Promise<SourceCheck> {
    return new SourceCheck(readers, spec, await stateOf(readers, spec))
  }

  /** After everything was read: what speaks against it, for people; null: nothing does. */
  async end(read: ReadFacts): Promise<string | null> {
    const { table, window } = this.#plan
    const after = this.#before && (await stateOf(this.#readers, this.#plan))
    const what = this.#change(after, read)
    if (what === null) return null
    const expected = window?.rows ?? table.estimatedRows
    const of = expected === null ? '' : ` of about ${expected}`
    return (
      `source ${table.table} ${what} while it was read: ${counted(read.rowsRead, 'row')} ${read.rowsRead === 1 ? 'was' : 'were'} read${of}. ` +
      'Rows may be missing in the target, or be those of two tables: copy it again, or compare with "rowshift verify"'
    )
  }

  #change(after: TableState | null, { rowsRead, lastRowsGone }: ReadFacts): string | null {
    const before = this.#before
    if (before && after) {
      const known = before.identity !== null && after.identity !== null
      const replaced = known && after.identity !== before.identity
      if (replaced) return 'was truncated, replaced by another table or altered'
      const shrunk =
        before.bytes !== null && after.bytes !== null && after.bytes < before.bytes * LEAST_BYTES_SHARE
      if (shrunk) return `shrank from ${before.bytes} to ${after.bytes} bytes`
    }
    const { table, window, where } = this.#plan
    const few = window === null && where === null && rowsRead < (table.estimatedRows ?? 0) * LEAST_SHARE
    return lastRowsGone && few ? 'lost most of its rows' : null
  }
}

/** null: the plugin cannot tell, or the database would not. */
async function stateOf(readers: readonly Reader[], spec: SourceSpec): Promise<TableState | null> {
  try {
    return await sourceState(readers, spec)
  } catch (thrown) {
    log.warn(`the state of source ${spec.table.table} is not known: ${RowshiftError.from(thrown).message}`)
    return null
  }
}
