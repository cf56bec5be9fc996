import { checkByFile } from '../config/schema.js'
import { RowshiftError } from '../errors.js'

/** A task's params with both spellings of the seed brought to one form and defaults filled in. */
export interface Params {
  /** Source columns of the split key; null: the table's own. */
  readonly key: readonly string[] | null
  /** Their counterparts in the target; null: those that the mapping gives. */
  readonly targetKey: readonly string[] | null
  readonly diffColumn: { readonly source: string; readonly target: string } | null
  readonly workerNum: number
  /** Target rows per split; null: by bytes. */
  readonly readBatch: number | null
  /** Most rows per write statement; null: by bytes. */
  readonly writeBatch: number | null
  readonly mode: 'init'
  readonly writeMode: 'insert'
  readonly writePath: 'auto' | 'load-data' | 'insert'
  readonly allowLossy: readonly string[]
  /** The target may have triggers on INSERT. */
  readonly allowTriggers: boolean
  /** Which source column goes where; null: all, by name. */
  readonly columns: readonly ColumnEntry[] | null
  readonly where: string | null
  readonly session: readonly string[]
  readonly preSql: readonly string[]
  readonly postSql: readonly string[]
}

/** One entry of `columns`; `*` is every column that no other entry names, by name. */
export type ColumnEntry = '*' | { readonly from: string; readonly to: string }

type OneOrMore = string | readonly string[]

/** What the schema lets through. */
interface RawParams {
  readonly pk?: OneOrMore | { readonly src: OneOrMore; readonly dest?: OneOrMore }
  readonly split?: { readonly pk: OneOrMore }
  readonly diff_column?: string | { readonly src: string; readonly dest?: string }
  readonly worker_num?: number
  readonly read_batch?: number
  readonly write_batch?: number
  readonly mode?: 'init'
  readonly write_mode?: 'insert'
  readonly write_path?: Params['writePath']
  readonly allow_lossy?: readonly string[]
  readonly allow_triggers?: boolean
  readonly columns?: readonly (string | { readonly from: string; readonly to?: string })[]
  readonly where?: string
  readonly session?: readonly string[]
  readonly pre_sql?: readonly string[]
  readonly post_sql?: readonly string[]
}

const DEFAULT_WORKERS = 4

/** Reads the text of a `params` column; empty means all defaults. Throws PARAMS_INVALID. */
export function parseParams(text: string | null): Params {
  return readParams(text === null || text.trim() === '' ? {} : parseJson(text))
}

/** Checks params and brings them to one form. Throws one PARAMS_INVALID that lists every fault. */
export function readParams(value: unknown): Params {
  const faults = checkByFile('params.schema.json', value, 'params')
  if (faults.length === 0) faults.push(...contradictions(value as RawParams))
  if (faults.length > 0) {
    throw new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${faults.join('\n  ')}`, {
      faults,
    })
  }
  return normalise(value as RawParams)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RowshiftError('PARAMS_INVALID', `The params are not JSON: ${reason}.`, {}, error)
  }
}

function contradictions(raw: RawParams): string[] {
  const faults: string[] = []
  if (raw.pk !== undefined && raw.split !== undefined)
    faults.push('params: "pk" and "split.pk" are the same thing; give one')
  const { key, targetKey } = keys(raw)
  if (key && targetKey && key.length !== targetKey.length) {
    faults.push('params.pk: "src" and "dest" must have the same number of columns')
  }
  return faults
}

function normalise(raw: RawParams): Params {
  const diff = typeof raw.diff_column === 'string' ? { src: raw.diff_column } : raw.diff_column
  return {
    ...keys(raw),
    diffColumn: diff ? { source: diff.src, target: diff.dest ?? diff.src } : null,
    workerNum: raw.worker_num ?? DEFAULT_WORKERS,
    readBatch: raw.read_batch ?? null,
    writeBatch: raw.write_batch ?? null,
    mode: raw.mode ?? 'init',
    writeMode: raw.write_mode ?? 'insert',
    writePath: raw.write_path ?? 'auto',
    allowLossy: raw.allow_lossy ?? [],
    allowTriggers: raw.allow_triggers ?? false,
    columns: raw.columns?.map(columnEntry) ?? null,
    where: raw.where ?? null,
    session: raw.session ?? [],
    preSql: raw.pre_sql ?? [],
    postSql: raw.post_sql ?? [],
  }
}

function columnEntry(raw: string | { readonly from: string; readonly to?: string }): ColumnEntry {
  if (typeof raw === 'string') return raw === '*' ? raw : { from: raw, to: raw }
  return { from: raw.from, to: raw.to ?? raw.from }
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
