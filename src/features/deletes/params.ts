/** The param `deletes`: what becomes of rows that the source has deleted. */

export interface DeletesParams {
  /** What says that a row of the source is deleted; null: only that it is not there. */
  readonly sourceFlag: { readonly column: string } | { readonly sql: string } | null
  /** The column of the target that is to say so; null: the row is deleted there. */
  readonly targetFlag: string | null
}

/** What the schema lets through. */
export interface RawDeletes {
  readonly source_flag?: string | { readonly sql: string }
  readonly target?: 'delete' | { readonly flag: string }
}

/** What the schema cannot say, with the params that it goes together with. */
export function deletesFaults(
  raw: RawDeletes,
  {
    mode,
    write_mode,
    transform,
  }: { readonly mode?: string; readonly write_mode?: string; readonly transform?: string },
): string[] {
  const faults: string[] = []
  const fault = (text: string) => faults.push(`params.deletes: ${text}`)
  if (raw.source_flag === undefined && typeof raw.target !== 'object')
    fault('says nothing without "source_flag" or "target": {"flag": …}')
  if (mode === 'append')
    fault(
      'mode "append" reads new rows only, so it never sees that a row was deleted; use "increment" or "sync"',
    )
  if (mode === 'increment' && write_mode !== undefined && write_mode !== 'upsert')
    fault(
      `mode "increment" deletes and flags rows by their key, with write_mode "upsert", not "${write_mode}"`,
    )
  if (transform !== undefined)
    fault(
      'a transform may make any row of one that is deleted; filter and flag such rows in the transform itself',
    )
  return faults
}

export function deletesOf({ source_flag, target }: RawDeletes): DeletesParams {
  return {
    sourceFlag:
      source_flag === undefined
        ? null
        : typeof source_flag === 'string'
          ? { column: source_flag }
          : source_flag,
    targetFlag: typeof target === 'object' ? target.flag : null,
  }
}
