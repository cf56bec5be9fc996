import { createRequire, isBuiltin } from 'node:module'
import { pathToFileURL } from 'node:url'
import { RowshiftError } from '../contract/errors.js'
import type { Connection, Plugin } from '../contract/plugin.js'
import { offerOwnModules } from '../own-modules.js'
import { didYouMean } from '../suggest.js'
import { typeScriptFault } from '../typescript-fault.js'
import { check } from './json-schema.js'
import { pluginFault } from './plugin-parts.js'
import { connections } from './validators.cjs'

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
  /** It comes with rowshift. */
  readonly own: boolean
}

/**
 * The plugin for a database type: one of the built-in names, or a module specifier (a package, or a path from the
 * working directory) of somebody else's.
 */
export async function loadPlugin(type: string): Promise<LoadedPlugin> {
  const { builtin } = (await import(BUILTIN)) as BuiltinModule
  const own = Object.hasOwn(builtin, type)
  const specifier = own ? builtin[type]! : resolveModule(type, Object.keys(builtin))
  if (!own) offerOwnModules()
  const module = (await import(specifier).catch((thrown: unknown) => {
    if (own || thrown instanceof RowshiftError) throw thrown
    const why = typeScriptFault(thrown) ?? String(thrown)
    throw unknownPlugin(type, `The plugin "${type}" cannot be loaded: ${why}`, thrown)
  })) as { default?: unknown }
  const fault = pluginFault(type, module.default)
  if (fault !== null) throw unknownPlugin(type, fault)
  return { type, plugin: module.default as Plugin, specifier, own }
}

export async function defaultTaskStoreType(): Promise<string> {
  return ((await import(BUILTIN)) as BuiltinModule).defaultTaskStore
}

/** Checks a connection against its plugin's schema. */
export function checkConnection(loaded: LoadedPlugin, connection: Connection, where: string): void {
  const faults = faultsOf(loaded, connection, where)
  if (faults.length > 0) {
    throw new RowshiftError('CONFIG_INVALID', `The connection is not valid:\n  ${faults.join('\n  ')}`, {
      faults,
    })
  }
}

function faultsOf({ type, plugin, own }: LoadedPlugin, connection: Connection, where: string): string[] {
  try {
    return check(plugin.connectionSchema, connection, where, own ? connections[type] : undefined)
  } catch (thrown) {
    const why = (thrown as Error).message
    throw unknownPlugin(type, `The "connectionSchema" of the plugin "${type}" cannot be used: ${why}`, thrown)
  }
}

/** From the working directory; a package also from beside rowshift, where npm puts those that are installed globally. */
function resolveModule(type: string, known: readonly string[]): string {
  const folders = /^[./]/.test(type) ? [`${process.cwd()}/`] : [`${process.cwd()}/`, import.meta.url]
  for (const folder of isBuiltin(type) ? [] : folders) {
    try {
      return pathToFileURL(createRequire(folder).resolve(type)).href
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException
      if (code === 'MODULE_NOT_FOUND') continue
      const why =
        code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
          ? 'its package.json exports nothing under the condition "default"; write "exports": "./index.js" there.'
          : String(thrown)
      throw unknownPlugin(type, `The package "${type}" cannot be used: ${why}`, thrown)
    }
  }
  throw unknownPlugin(
    type,
    `Unknown database type "${type}"${didYouMean(type, known) || '.'} Known types are ${known.join(', ')}; a plugin is named by its package or its path.`,
  )
}

function unknownPlugin(type: string, message: string, cause?: unknown): RowshiftError {
  return new RowshiftError('PLUGIN_UNKNOWN', message, { type }, cause)
}

/** Where a connection leads, whoever logs in. */
export function placeOf(plugin: Plugin, connection: Connection): string {
  return plugin.describeConnection(connection).replace(/\/\/[^/@]*@/, '//')
}
