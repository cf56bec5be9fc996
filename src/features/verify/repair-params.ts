import type { Params } from '../../task/params.js'

/** Nothing is deleted, and rows that are there stay where the write mode says so. */
export function completing(params: Params): Params {
  const { writeMode } = params
  return { ...repairing(params), mode: 'init', writeMode: writeMode === 'ignore' ? writeMode : 'upsert' }
}

/** `pre_sql` and `post_sql` belong to a whole copy: one that empties the target would undo what is to be repaired. */
export function repairing(params: Params): Params {
  const { schemaSaveMode } = params
  return {
    ...params,
    mode: 'sync',
    writeMode: 'upsert',
    consistency: 'split',
    // A repair drops nothing.
    schemaSaveMode: schemaSaveMode === 'recreate' ? 'create_when_not_exist' : schemaSaveMode,
    deferIndexes: false,
    preSql: [],
    postSql: [],
  }
}
