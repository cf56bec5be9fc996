import { RowshiftError } from '../contract/errors.js'

/** Rows that come next would have keys below the watermark of mode `append`. */
export function idsBegunAnew(table: string, column: string, next: string, watermark: string): RowshiftError {
  return new RowshiftError(
    'WATERMARK_STALE',
    `Source ${table} hands out ${column} ${next} next, and no row of it has ${watermark} or more, up to which earlier runs have copied it: it was emptied or replaced, or its ids were set back. ` +
      'Mode "append" would never read the rows that come next. Copy all rows once with --mode init, or with --mode sync. ' +
      `To go on without that, set the watermark to the last row that is copied: "rowshift watermark" with --mode append --set ${BigInt(next) - 1n}`,
    { table, column },
  )
}
