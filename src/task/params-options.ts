import type { Stats } from 'node:fs'
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseJson } from '../config/json.js'
import { RowshiftError } from '../contract/errors.js'
import type { Params } from './params.js'
import { readParams } from './params.js'

/** Params from `--params FILE|JSON`, overridden by `--param key=value` options. */
export function paramsFromOptions(params: string | undefined, pairs: readonly string[]): Params {
  const value = params === undefined ? {} : parseFileOrJson(params)
  const names = new Set<string>()
  for (const pair of pairs) {
    const name = nameOf(pair)
    if (names.has(name)) throw new RowshiftError('USAGE', `--param ${name} was given more than once.`)
    names.add(name)
    if (isObject(value)) assign(value, name, pair.slice(name.length + 1))
  }
  return readParams(value)
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
