import { createRequire, isBuiltin } from 'node:module'
import { pathToFileURL } from 'node:url'
import { RowshiftError } from '../errors.js'
import type { Connection, Plugin } from '../plugin.js'
import { check } from './schema.js'

interface BuiltinModule {
  readonly builtin: Readonly<Record<string, string>>
  readonly defaultTaskStore: string
}

const BUILTIN = new URL('../../plugins/builtin.js', import.meta.url).href

export interface LoadedPlugin {
  readonly type: string
  readonly plugin: Plugin
  /** Absolute URL: what a worker thread imports. */
  readonly specifier: string
}

/**
 * The plugin for a database type: one of the built-in names, or a module specifier (a package, or a path from the
 * working directory) of somebody else's.
 */
export async function loadPlugin(type: string): Promise<LoadedPlugin> {
  const { builtin } = (await import(BUILTIN)) as BuiltinModule
  const specifier = Object.hasOwn(builtin, type) ? builtin[type]! : resolveModule(type, Object.keys(builtin))
  const module = (await import(specifier)) as { default?: Plugin }
  if (typeof module.default?.describeConnection !== 'function') {
    throw new RowshiftError('PLUGIN_UNKNOWN', `The module "${type}" is not a rowshift plugin.`, { type })
  }
  return { type, plugin: module.default, specifier }
}

export async function defaultTaskStoreType(): Promise<string> {
  return ((await import(BUILTIN)) as BuiltinModule).defaultTaskStore
}

/** Checks a connection against its plugin's schema, and that the plugin can do what it is wanted for. */
export function checkConnection(loaded: LoadedPlugin, connection: Connection, where: string): void {
  const faults = check(loaded.plugin.connectionSchema, connection, where)
  if (faults.length > 0) {
    throw new RowshiftError('CONFIG_INVALID', `The connection is not valid:\n  ${faults.join('\n  ')}`, {
      faults,
    })
  }
}

function resolveModule(type: string, known: readonly string[]): string {
  try {
    if (isBuiltin(type)) throw new Error('a module of the runtime is not a plugin')
    return pathToFileURL(createRequire(`${process.cwd()}/`).resolve(type)).href
  } catch (error) {
    throw new RowshiftError(
      'PLUGIN_UNKNOWN',
      `Unknown database type "${type}". Known types are ${known.join(', ')}; a plugin is named by its package or its path.`,
      { type },
      error,
    )
  }
}
