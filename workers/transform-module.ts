import { Console } from 'node:console'
import { existsSync } from 'node:fs'
import { RowshiftError } from '../src/contract/errors.js'
import type { BatchTransform, Transform } from '../src/contract/transform.js'
import { offerOwnModules } from '../src/own-modules.js'
import { typeScriptFault } from '../src/typescript-fault.js'

export interface LoadedModule {
  /** Exactly one of the two is there. */
  readonly row: Transform | null
  readonly batch: BatchTransform | null
  readonly columns: readonly string[]
}

/** Imports a user's module into this thread. Throws PARAMS_INVALID when it is not one. */
export async function loadModule(url: string): Promise<LoadedModule> {
  // Results go to stdout, and what a module prints is none.
  globalThis.console = new Console(process.stderr, process.stderr)
  Object.defineProperty(process, 'stdout', { value: process.stderr })
  if (!existsSync(new URL(url))) throw invalid(url, 'cannot be loaded: there is no such file')
  offerOwnModules()
  let exports: Record<string, unknown>
  try {
    exports = (await import(url)) as Record<string, unknown>
  } catch (thrown) {
    throw invalid(url, `cannot be loaded: ${typeScriptFault(thrown) ?? reasonOf(thrown, url)}`)
  }
  return checked(url, withCommonJs(exports))
}

/** Where in the module something was thrown, and what it was. */
export function reasonOf(thrown: unknown, url: string): string {
  try {
    return describeThrown(thrown, url)
  } catch {
    // What was thrown may itself throw when it is looked at.
    return 'it threw something that cannot be shown'
  }
}

function describeThrown(thrown: unknown, url: string): string {
  if (!(thrown instanceof Error)) return `it threw ${String(thrown)}`
  const message = `${thrown.name}: ${thrown.message}`
  // Where it is, only the program that checks a file says.
  if (thrown instanceof SyntaxError) return `${message} ("node --check" of the file shows the place)`
  const path = decodeURI(url.replace(/^file:\/\//, ''))
  const line = thrown.stack?.split('\n').find((line) => line.includes(url) || line.includes(path))
  const position = line === undefined ? undefined : /:(\d+(?::\d+)?)\)?$/.exec(line)?.[1]
  return position === undefined ? message : `${message} (line ${position})`
}

/** What a CommonJS module assigns is the default export. */
function withCommonJs(exports: Record<string, unknown>): Record<string, unknown> {
  const { default: assigned } = exports
  return typeof assigned === 'object' && assigned !== null ? { ...exports, ...assigned } : exports
}

function checked(url: string, exports: Record<string, unknown>): LoadedModule {
  const { default: row, batch, columns = [] } = exports
  const faults: string[] = []
  if (row === undefined && batch === undefined)
    faults.push('has no default export and no "batch": one of them must be the function that gets the rows')
  if (row !== undefined && batch !== undefined)
    faults.push('has a default export and "batch": only one of them can get the rows')
  if (row !== undefined && typeof row !== 'function')
    faults.push('has a default export that is not a function')
  if (batch !== undefined && typeof batch !== 'function')
    faults.push('exports a "batch" that is not a function')
  if (!Array.isArray(columns) || !columns.every((name) => typeof name === 'string'))
    faults.push('exports "columns" that is not an array of names')
  if (faults.length > 0) throw invalid(url, faults.join('; it '))
  return {
    row: (row as Transform | undefined) ?? null,
    batch: (batch as BatchTransform | undefined) ?? null,
    columns: columns as readonly string[],
  }
}

function invalid(url: string, what: string): RowshiftError {
  const fault = `params.transform: the module ${url} ${what}`
  return new RowshiftError('PARAMS_INVALID', `${fault}. Nothing was written.`, {
    faults: [fault],
    module: url,
  })
}
