import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { areAll, checkByFile } from '../config/json-schema.js'
import { RowshiftError } from '../contract/errors.js'
import { DEFAULT_RETRY, type RetryPolicy } from '../contract/waiting.js'
import type { ErrorLimit, WindowKind, WriteMode } from '../contract/plugin.js'
import type { Mode, SpeedLimits } from '../contract/run-plan.js'
import type { ColumnEntry, RawEntry } from './columns.js'
import { columnEntries, entryFaults, usesRegex } from './columns.js'
import type { DatabaseParams, RawDatabase } from '../features/database/params.js'
import { databaseParams } from '../features/database/params.js'
import { rawParams } from './raw-params.js'
import type { DeletesParams, RawDeletes } from '../features/deletes/params.js'
import { deletesFaults, deletesOf } from '../features/deletes/params.js'
import type { RawSpeed } from './speed-params.js'
import { speedLimits } from './speed-params.js'
import { DEFAULT_TIMEOUT } from './step-params.js'
import type { RawShard, ShardParams } from '../features/shard/params.js'
import { followsSql, shardFaults, shardParams } from '../features/shard/params.js'

/** A task's params with both spellings of the existing `task_def_sync_manager` format brought to one form and defaults filled in. */
export interface Params {
  /** Source columns of the split key; null: the table's own. */
  readonly key: readonly string[] | null
  /** Their counterparts in the target; null: those that the mapping gives. */
  readonly targetKey: readonly string[] | null
  readonly diffColumn: DiffColumn | null
  /** null: a copy begins with few, and finds out how many help. */
  readonly workerNum: number | null
  /** Target rows per split; null: by bytes. */
  readonly readBatch: number | null
  /** Most rows per write statement; null: by bytes. */
  readonly writeBatch: number | null
  /** null: as fast as it goes. */
  readonly speed: SpeedLimits | null
  /** Other servers whose lag `speed` looks at: connections of the configuration, or URLs, which may hold passwords. */
  readonly replicas: readonly string[]
  readonly mode: Mode
  /** What becomes of rows that the source has deleted; null: only a repair deletes rows, those that are not there. */
  readonly deletes: DeletesParams | null
  /** Most rows that a repair may delete; null: a careful default. */
  readonly maxDelete: MaxDelete | null
  /** Seconds to stay behind the source's clock; null: as little as is safe. */
  readonly lag: number | null
  /** Seconds before the watermark to read again. */
  readonly overlap: number
  /** Chosen by the mode where it is not given. */
  readonly writeMode: WriteMode
  /** In the words of the target's plugin; null: it decides. */
  readonly writePath: string | null
  readonly allowLossy: readonly string[]
  readonly consistency: 'split' | 'snapshot'
  readonly errorLimit: ErrorLimit
  readonly retry: RetryPolicy
  /** Where rejected rows go; null: a file named after the run, in the working directory. */
  readonly dirtyFile: string | null
  readonly schemaSaveMode: SchemaSaveMode
  /** Indexes come after the rows; null: those of a large table that the run creates. */
  readonly deferIndexes: boolean | null
  /** The target may have triggers that run for rows written. */
  readonly allowTriggers: boolean
  /** What goes into which target column; null: all, by name. */
  readonly columns: readonly ColumnEntry[] | null
  /** The user's module that rows pass through; null: there is none. */
  readonly transform: TransformParams | null
  /** Where rows go when the target is several tables; null: it is one. */
  readonly shard: ShardParams | null
  /** null: the names of a task say alone which tables it copies. */
  readonly database: DatabaseParams | null
  readonly where: string | null
  /** In which zone the source's database sees times where the user's SQL asks; null: UTC. */
  readonly timeZone: string | null
  readonly session: readonly string[]
  readonly preSql: readonly string[]
  readonly postSql: readonly string[]
}

export interface DiffColumn {
  readonly source: string
  readonly target: string
  /** What its numbers say; null: it is a time or a date, which say it themselves. */
  readonly type: NumberType | null
}

export type NumberType = Exclude<WindowKind, 'key' | 'time' | 'date'>

export interface TransformParams {
  /** URL. */
  readonly module: string
  /** Seconds for one batch. */
  readonly timeout: number
}

/** What happens when the target table is missing; `recreate` also drops one that is there. */
export type SchemaSaveMode = 'error_when_not_exist' | 'create_when_not_exist' | 'recreate'

type OneOrMore = string | readonly string[]

/** What the schema lets through. */
interface RawParams extends RawDatabase {
  readonly pk?: OneOrMore | { readonly src: OneOrMore; readonly dest?: OneOrMore }
  readonly split?: { readonly pk: OneOrMore }
  readonly diff_column?: string | { readonly src: string; readonly dest?: string; readonly type?: NumberType }
  readonly worker_num?: number
  readonly read_batch?: number
  readonly write_batch?: number
  readonly speed?: RawSpeed
  readonly mode?: Mode
  readonly deletes?: RawDeletes
  readonly max_delete?: MaxDelete
  readonly lag?: number
  readonly overlap?: number
  readonly write_mode?: WriteMode
  readonly write_path?: string
  readonly allow_lossy?: readonly string[]
  readonly consistency?: Params['consistency']
  readonly error_limit?: number | { readonly record?: number; readonly percentage?: number }
  readonly retry?: { readonly attempts?: number; readonly max_wait?: number }
  readonly dirty_file?: string
  readonly schema_save_mode?: SchemaSaveMode
  readonly defer_indexes?: boolean
  readonly allow_triggers?: boolean
  /** What `rowshift serve` starts runs by; a run itself does not look at it. */
  readonly cron?: unknown
  readonly columns?: readonly RawEntry[]
  readonly transform?: string
  readonly transform_timeout?: number
  readonly shard?: RawShard
  readonly where?: string
  readonly time_zone?: string
  readonly session?: OneOrMore
  readonly pre_sql?: OneOrMore
  readonly post_sql?: OneOrMore
}

/** Threads where their number is not given and cannot change on the way: of comparisons, for instance. */
export const DEFAULT_WORKERS = 4

/** Of `write_path`: no plugin has a path of this name. */
export const AUTO = 'auto'

/** Incremental runs may see a row again, and must not mind. */
const defaultWriteMode: Readonly<Record<Mode, WriteMode>> = {
  init: 'insert',
  append: 'ignore',
  increment: 'upsert',
  sync: 'upsert',
}

/** Reads the text of a `params` column; empty means all defaults. Throws PARAMS_INVALID. */
export function parseParams(text: string | null, folder?: string): Params {
  return readParams(rawParams(text), folder)
}

/** The same params for another mode (`--mode`). */
export function withMode(text: string | null, mode: string | undefined, folder?: string): Params {
  const raw = rawParams(text)
  const asks = mode !== undefined && typeof raw === 'object' && raw !== null
  return readParams(asks ? { ...raw, mode } : raw, folder)
}

/**
 * Checks params and brings them to one form. Paths of modules and files are relative to `folder`. Throws one PARAMS_INVALID that lists
 * every fault.
 */
export function readParams(value: unknown, folder = '.'): Params {
  const faults = checkByFile('params', value, 'params')
  if (faults.length === 0) faults.push(...contradictions(value as RawParams))
  const { columns, worker_num } = (value ?? {}) as RawParams
  const threads = typeof worker_num === 'number' ? worker_num : DEFAULT_WORKERS
  if (areAll(faults)) for (const fault of entryFaults(columns, faults, threads)) faults.push(fault)
  if (faults.length > 0) {
    throw new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${faults.join('\n  ')}`, {
      faults,
    })
  }
  return normalise(value as RawParams, folder)
}

function contradictions(raw: RawParams): string[] {
  const faults: string[] = []
  if (raw.mode === 'increment' && raw.diff_column === undefined)
    faults.push('params: mode "increment" needs "diff_column", the column that says when a row changed')
  if (typeof raw.diff_column === 'object' && raw.diff_column.type === 'version') {
    if (raw.mode === 'increment' && raw.write_mode === 'insert')
      faults.push(
        'params: write_mode "insert" cannot read a row twice, and the rows of the last version are read again by the next run; use "upsert", "ignore" or "replace"',
      )
    if (!Number.isSafeInteger(raw.overlap ?? 0))
      faults.push('params.overlap: of a version column it is a whole number, of versions to read again')
  }
  if (raw.pk !== undefined && raw.split !== undefined)
    faults.push('params: "pk" and "split.pk" are the same thing; give one')
  const { transform, transform_timeout, columns = [] } = raw
  if (transform_timeout !== undefined && transform === undefined && !columns.some(usesRegex))
    faults.push('params: "transform_timeout" goes with "transform" or "replace_regex"')
  if (raw.transform !== undefined && raw.mode === 'sync')
    faults.push(
      'params: mode "sync" compares source and target, and a transform cannot be repeated for a comparison; use "init", "append" or "increment"',
    )
  if (raw.deletes !== undefined) faults.push(...deletesFaults(raw.deletes, raw))
  const { key, targetKey } = keys(raw)
  if (key && targetKey && key.length !== targetKey.length) {
    faults.push('params.pk: "src" and "dest" must have the same number of columns')
  }
  if (raw.shard !== undefined) {
    faults.push(...shardFaults(raw.shard))
    if (raw.transform !== undefined && followsSql(raw.shard))
      faults.push(
        'params.shard: "sql" knows rows as they are read, and a transform makes others of them; let it set a column, and name that in "by"',
      )
  }
  return faults
}

function normalise(raw: RawParams, folder: string): Params {
  const diff = typeof raw.diff_column === 'string' ? { src: raw.diff_column } : raw.diff_column
  return {
    ...keys(raw),
    diffColumn: diff ? { source: diff.src, target: diff.dest ?? diff.src, type: diff.type ?? null } : null,
    workerNum: raw.worker_num ?? null,
    readBatch: raw.read_batch ?? null,
    writeBatch: raw.write_batch ?? null,
    speed: raw.speed === undefined ? null : speedLimits(raw.speed),
    replicas: list(raw.speed?.replicas ?? []),
    mode: raw.mode ?? 'init',
    deletes: raw.deletes === undefined ? null : deletesOf(raw.deletes),
    maxDelete: raw.max_delete ?? null,
    lag: raw.lag ?? null,
    overlap: raw.overlap ?? 0,
    writeMode: raw.write_mode ?? defaultWriteMode[raw.mode ?? 'init'],
    writePath: raw.write_path === undefined || raw.write_path === AUTO ? null : raw.write_path,
    allowLossy: raw.allow_lossy ?? [],
    consistency: raw.consistency ?? 'split',
    errorLimit: errorLimit(raw.error_limit),
    retry: {
      attempts: raw.retry?.attempts ?? DEFAULT_RETRY.attempts,
      maxWait: raw.retry?.max_wait ?? DEFAULT_RETRY.maxWait,
    },
    dirtyFile: raw.dirty_file ?? null,
    schemaSaveMode: raw.schema_save_mode ?? 'error_when_not_exist',
    deferIndexes: raw.defer_indexes ?? null,
    allowTriggers: raw.allow_triggers ?? false,
    columns: raw.columns ? columnEntries(raw.columns, folder, raw.transform_timeout) : null,
    transform: transformOf(raw, folder),
    shard: raw.shard === undefined ? null : shardParams(raw.shard),
    database: databaseParams(raw),
    where: raw.where ?? null,
    timeZone: raw.time_zone ?? null,
    session: list(raw.session ?? []),
    preSql: list(raw.pre_sql ?? []),
    postSql: list(raw.post_sql ?? []),
  }
}

function transformOf({ transform, transform_timeout }: RawParams, folder: string): TransformParams | null {
  if (transform === undefined) return null
  const module = pathToFileURL(resolve(folder, transform)).href
  return { module, timeout: transform_timeout ?? DEFAULT_TIMEOUT }
}

/** A percentage alone sets no number. */
function errorLimit(raw: RawParams['error_limit'] = 0): ErrorLimit {
  if (typeof raw === 'number') return { record: raw, percentage: null }
  const { percentage = null } = raw
  return { record: raw.record ?? (percentage === null ? 0 : Number.MAX_SAFE_INTEGER), percentage }
}

function keys(raw: RawParams): Pick<Params, 'key' | 'targetKey'> {
  const pk = raw.pk ?? raw.split?.pk
  if (pk === undefined) return { key: null, targetKey: null }
  if (typeof pk === 'object' && 'src' in pk) {
    return { key: list(pk.src), targetKey: pk.dest === undefined ? null : list(pk.dest) }
  }
  return { key: list(pk), targetKey: null }
}

function list(names: OneOrMore): readonly string[] {
  return typeof names === 'string' ? [names] : names
}

/** How many rows a repair may delete: a number, or percent of the target's rows. */
export type MaxDelete = number | `${number}%`
