import type { SavedWatermarks } from './window.js'
import type { Params } from '../task/params.js'

/** What the user has asked for and this run does not do: each param that has no effect in this mode, and what would have. */
export function idleParams(params: Params, savedWatermarks: SavedWatermarks | null = null): string[] {
  const { mode } = params
  const said = modeParams(params, savedWatermarks !== null)
  const always: [boolean, string][] = [
    [
      params.dirtyFile !== null && params.errorLimit.record === 0 && mode !== 'sync',
      'dirty_file is not used: error_limit is 0, so the first rejected row ends the run',
    ],
    [
      params.replicas.length > 0 && params.speed?.maxLag === null,
      'speed.replicas is not used: only max_lag looks at replicas',
    ],
    [
      savedWatermarks?.fromTarget === true && (mode === 'init' || mode === 'sync'),
      `--from-target is not used: mode "${mode}" looks at the whole table`,
    ],
  ]
  return [...said, ...always.flatMap(([idle, text]) => (idle ? [text] : []))]
}

/** `remembers`: what it leaves for later runs is kept. */
function modeParams(params: Params, remembers: boolean): string[] {
  switch (params.mode) {
    case 'init':
      return initParams(params, remembers)
    case 'append':
      return unused(params.mode, [
        [params.diffColumn !== null, 'diff_column', 'rows are found by their key'],
        [params.lag !== null, 'lag', 'rows are found by their key'],
        [params.overlap > 0, 'overlap', 'rows are found by their key'],
      ])
    case 'increment':
      return unused(params.mode, [
        [
          params.lag !== null && params.diffColumn?.type === 'version',
          'lag',
          'no clock says when a version is past',
        ],
      ])
    case 'sync':
      return syncParams(params)
    default:
      return params.mode satisfies never
  }
}

/** The full copy of a stored task notes where increments begin, so `diff_column` and `lag` say something to it; but all rows are copied. */
function initParams({ mode, diffColumn, lag, overlap }: Params, remembers: boolean): string[] {
  const increment =
    'for changed rows only, set "mode": "increment" in the params, or run with --mode increment'
  if (diffColumn !== null) {
    const copies = remembers ? 'copies all rows, and remembers where increments begin' : 'copies all rows'
    return [
      `diff_column (${diffColumn.source}) is not used to choose rows: mode "init" ${copies}; ${increment}`,
    ]
  }
  return unused(mode, [
    [lag !== null, 'lag', 'all rows are copied'],
    [overlap > 0, 'overlap', 'all rows are copied'],
  ])
}

/** The plan of a comparison speaks of `consistency` itself. */
function syncParams(params: Params): string[] {
  const compares = 'both tables are compared as a whole'
  const repairs = 'the target is repaired row by row'
  return unused(params.mode, [
    [params.diffColumn !== null, 'diff_column', compares],
    [params.lag !== null, 'lag', compares],
    [params.overlap > 0, 'overlap', compares],
    [params.writeMode !== 'upsert', 'write_mode', repairs],
    [params.errorLimit.record > 0, 'error_limit', 'the first rejected row ends the run'],
    [params.dirtyFile !== null, 'dirty_file', 'the first rejected row ends the run'],
    [
      params.schemaSaveMode === 'recreate',
      'schema_save_mode "recreate"',
      'a table that exists stays, and a missing one is created',
    ],
    [
      params.deferIndexes === true,
      'defer_indexes',
      'indexes stay, and those of a table that is created come with it',
    ],
    [params.preSql.length > 0, 'pre_sql', repairs],
    [params.postSql.length > 0, 'post_sql', repairs],
  ])
}

function unused(mode: string, params: readonly [boolean, string, string][]): string[] {
  return params.flatMap(([given, name, reason]) =>
    given ? [`${name} is not used in mode "${mode}": ${reason}`] : [],
  )
}
