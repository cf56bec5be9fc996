import type { Stats } from 'node:fs'
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseJson } from '../config/json.js'
import { redact, RowshiftError } from '../contract/errors.js'
import { withDates } from './date-variables.js'
import type { Params } from './params.js'
import { readParams } from './params.js'
import { rawParams } from './raw-params.js'

/** Params from `--params FILE|JSON`, overridden by `--param key=value` options. */
export function paramsFromOptions(params: string | undefined, pairs: readonly string[]): Params {
  const value = assigned(params === undefined ? {} : parseFileOrJson(params), pairs)
  return readParams(datesReplaced(value))
}

/** `--params` as it stands, not checked yet. Throws USAGE or PARAMS_INVALID. */
export function rawFromOptions(params: string, pairs: readonly string[]): unknown {
  return assigned(parseFileOrJson(params), pairs)
}

/** The params of a stored task for one run: those of the options instead, another mode, and dates as they are now. */
export function paramsOfRun(text: string | null, asked: Overrides, folder: string): Params {
  const { mode, where, param = [] } = asked
  const stored = rawParams(text)
  const changed = isObject(stored)
    ? { ...stored, ...(where === undefined ? {} : { where }), ...(mode === undefined ? {} : { mode }) }
    : stored
  return readParams(datesReplaced(assigned(changed, param)), folder)
}

/** For the history, before the run has begun. What is wrong with the params is told by the run itself. */
export function modeOfRun(text: string | null, asked: Overrides, folder: string): string {
  try {
    return paramsOfRun(text, asked, folder).mode
  } catch {
    return asked.mode ?? 'init'
  }
}

/** What a run asks for that its task does not say. */
export interface Overrides {
  readonly mode?: string | undefined
  readonly where?: string | undefined
  /** `key=value` */
  readonly param?: readonly string[] | undefined
}

/** As `key=value`, for the report, the history and whoever resumes the run; secrets of URLs are hidden. A mode has a field of its own. */
export function overridesOf({ where, param = [] }: Overrides): string[] {
  return [...(where === undefined ? [] : [`where=${JSON.stringify(where)}`]), ...param].map(redact)
}

/** Params that decide how fast a run is, and not which rows it reads or what becomes of them. */
const HARMLESS: ReadonlySet<string> = new Set([
  'worker_num',
  'read_batch',
  'write_batch',
  'write_path',
  'speed',
  'retry',
  'dirty_file',
  'defer_indexes',
])

/** Whether a run reads other rows than its task says, or writes them otherwise: the next one must not go on from where it ended. */
export function isAside(asked: Overrides): boolean {
  return overridesOf(asked).some((pair) => !HARMLESS.has(nameOf(pair).split('.')[0]!))
}

/** The value with `key=value` pairs set in it. Throws USAGE. */
export function assigned(value: unknown, pairs: readonly string[]): unknown {
  const changed = structuredClone(value)
  const names = new Set<string>()
  for (const pair of pairs) {
    const name = nameOf(pair)
    if (names.has(name)) throw new RowshiftError('USAGE', `--param ${name} was given more than once.`)
    names.add(name)
    if (isObject(changed)) assign(changed, name, pair.slice(name.length + 1))
  }
  return changed
}

/** The value with its date variables as they are now. */
export function datesReplaced(value: unknown): unknown {
  const zone = isObject(value) && typeof value['time_zone'] === 'string' ? value['time_zone'] : null
  return withDates(value, new Date(), zone)
}

function parseFileOrJson(text: string): unknown {
  const file = text.trimStart().startsWith('{') ? undefined : fileAt(text)
  const json = file === undefined && /^\s*[[{"]/.test(text)
  if (!json && file === undefined) {
    throw new RowshiftError('USAGE', `--params is neither JSON nor an existing file: ${JSON.stringify(text)}`)
  }
  if (file?.isDirectory()) throw new RowshiftError('USAGE', `--params is a folder, not a file: ${text}`)
  try {
    const value = parseJson(json ? text : readFileSync(text, 'utf8'))
    return json || !isObject(value) ? value : withPaths(value, dirname(text))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RowshiftError('PARAMS_INVALID', `--params is ${reason}.`, {}, error)
  }
}

/** Not every text can be the name of a file: it may be too long, or hold a NUL. */
function fileAt(text: string): Stats | undefined {
  try {
    return statSync(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A module or lookup file that a file names is found from where the file is; one that the command line names, from where we are. */
function withPaths(value: Record<string, unknown>, folder: string): Record<string, unknown> {
  const { transform, columns } = value
  return {
    ...value,
    ...(typeof transform === 'string' ? { transform: resolve(folder, transform) } : {}),
    ...(Array.isArray(columns) ? { columns: columns.map((entry) => withFile(entry, folder)) } : {}),
  }
}

function withFile(entry: unknown, folder: string): unknown {
  if (!isObject(entry) || !isObject(entry['lookup'])) return entry
  const { lookup } = entry
  const { file } = lookup
  return typeof file === 'string' ? { ...entry, lookup: { ...lookup, file: resolve(folder, file) } } : entry
}

/** `worker_num` of `worker_num=8`. */
function nameOf(pair: string): string {
  const at = pair.indexOf('=')
  if (at >= 1) return pair.slice(0, at)
  throw new RowshiftError('USAGE', `--param ${JSON.stringify(pair)} is not of the form key=value.`)
}

/** `worker_num=8`, `pk=id`, `split.pk=["a","b"]`: the value is JSON where it can be read as such, else text. */
function assign(into: Record<string, unknown>, name: string, text: string): void {
  const path = name.split('.')
  const last = path.pop()!
  let target = into
  for (const part of path) {
    const next = Object.hasOwn(target, part) ? target[part] : undefined
    const inner = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {}
    set(target, part, inner)
    target = inner
  }
  set(target, last, jsonOrText(text))
}

/** Also under the name `__proto__`, which an assignment would take for the object's prototype. Lists take entries only, without gaps. */
function set(target: Record<string, unknown>, name: string, value: unknown): void {
  if (Array.isArray(target) && !(/^\d{1,9}$/.test(name) && Number(name) <= target.length))
    throw new RowshiftError(
      'USAGE',
      `--param names entry ${JSON.stringify(name)} of a list of ${target.length}`,
    )
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
