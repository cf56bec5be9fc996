import type { MaxDelete } from '../../task/params.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Findings } from './messages.js'
import type { RowName } from './row-key.js'
const DEFAULT_ROWS = 1_000
const DEFAULT_PERCENT = 1
const SHOWN = 20

/** Throws DELETES_REFUSED, with the rows that would go, when there are more of them than allowed. */
export function checkDeletes(
  { differences, targetRows }: Findings,
  limit: MaxDelete | null,
  sharded: boolean,
): void {
  const { extra, extraRows } = differences
  const most =
    limit === null
      ? Math.max(DEFAULT_ROWS, percent(targetRows, DEFAULT_PERCENT))
      : typeof limit === 'number'
        ? limit
        : percent(targetRows, Number(limit.slice(0, -1)))
  if (extra <= most) return
  const rule =
    limit === null ? `${DEFAULT_ROWS} rows or ${DEFAULT_PERCENT} % of the target, whichever is more` : limit
  throw new RowshiftError(
    'DELETES_REFUSED',
    `${extra} of ${targetRows} target rows are extra (${sharded ? 'not in the source, or in the wrong shard' : 'not in the source'}), and at most ${most} may be deleted (max_delete: ${rule}). Nothing was changed. ` +
      `Would be deleted:\n  ${extraRows.slice(0, SHOWN).map(rowText).join('\n  ')}${extra > SHOWN ? `\n  … and ${extra - SHOWN} more` : ''}\n` +
      'Check that the source is whole and the right one; if they shall go, allow it with max_delete.',
    { extra, targetRows, maxDelete: most },
  )
}

function percent(rows: number, share: number): number {
  return Math.floor((rows * share) / 100)
}

/** `id = 7, name = NULL` */
export function rowText(row: RowName): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} = ${value ?? 'NULL'}`)
    .join(', ')
}
