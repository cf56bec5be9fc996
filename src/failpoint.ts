/** The moments of a run at which the fault suite (`test/faults/`) kills, stops or fails it. */
export type Failpoint =
  // The coordinator: from the plan to the last trace in the target.
  | 'planned'
  | 'indexes-dropped'
  | 'prepared'
  | 'run-inserted'
  | 'run-begun'
  | 'run-merged'
  | 'run-claimed'
  | 'split-accepted'
  | 'copied'
  | 'indexes-adding'
  | 'indexes-added'
  | 'finishing'
  | 'finished'
  | 'run-removed'
  // A worker thread, in the order of one split.
  | 'split-reading'
  | 'split-read'
  | 'split-begun'
  | 'split-handed'
  | 'split-written'
  | 'split-marked'
  | 'split-committing'
  | 'split-committed'
  | 'shard-stored'
  | 'ids-reserved'
  | 'id-map-kept'
  | 'rows-removed'
  // The task store.
  | 'store-writing'
  | 'history-begun'
  | 'watermarks-saving'
  | 'watermarks-saved'
  | 'history-ended'

/**
 * Does nothing: the bundle of the fault suite replaces this module (`test/faults/failpoint.ts`), and in that of users no call of an empty function
 * is left.
 */
export function failpoint(_name: Failpoint): void {}
