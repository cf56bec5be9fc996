/** What of a module everything else counts on, checked when it is loaded: others may write plugins without types. */
import type { Capabilities } from '../contract/capabilities.js'
import { API_VERSION } from '../contract/capabilities.js'
import type { Plugin } from '../contract/plugin.js'
import { didYouMean } from '../suggest.js'
import { AUTO } from '../task/params.js'

const WRITE_MODES: readonly unknown[] = ['insert', 'ignore', 'replace', 'upsert']

interface Part {
  readonly wanted: string
  readonly isRight: (value: unknown) => boolean
}

const YES_OR_NO: Part = { wanted: 'true or false', isRight: (value) => typeof value === 'boolean' }

const capabilityParts: Readonly<Record<keyof Capabilities, Part>> = {
  writeModes: {
    wanted: `a list of ${WRITE_MODES.join(', ')}`,
    isRight: (value) => Array.isArray(value) && value.every((mode) => WRITE_MODES.includes(mode)),
  },
  writePaths: {
    wanted: `a list of names, none of them empty or "${AUTO}"`,
    isRight: (value) =>
      Array.isArray(value) && value.every((path) => typeof path === 'string' && path !== '' && path !== AUTO),
  },
  inServer: YES_OR_NO,
  sql: YES_OR_NO,
  inProcess: YES_OR_NO,
  timeZones: YES_OR_NO,
  schemas: YES_OR_NO,
}

/** What keeps the default export of a module from being a plugin that this rowshift can use; null: nothing does. */
export function pluginFault(type: string, exported: unknown): string | null {
  const plugin = (exported ?? {}) as Readonly<Record<keyof Plugin, unknown>>
  const missing = missingParts(plugin)
  // A module that has none of it is not a plugin of whatever version.
  if (missing.length > 0 && plugin.apiVersion === undefined)
    return `The module "${type}" is not a rowshift plugin: its default export lacks ${missing.join(', ')}.`
  const version = versionFault(type, plugin.apiVersion)
  if (version !== null) return version
  if (missing.length > 0) return `The default export of the plugin "${type}" lacks ${missing.join(', ')}.`
  const faults = capabilityFaults(plugin.capabilities)
  if (faults.length === 0) return null
  return `The "capabilities" of the plugin "${type}" cannot be used:\n  ${faults.join('\n  ')}`
}

function versionFault(type: string, version: unknown): string | null {
  if (version === API_VERSION) return null
  const supports = `this rowshift supports version ${API_VERSION} of the plugin contract`
  if (version === undefined)
    return `The plugin "${type}" does not say for which version of the plugin contract it is written, and ${supports}. Install a version of the plugin for it, or, if the plugin is yours, follow docs/plugins.md and add "apiVersion: ${API_VERSION}".`
  return `The plugin "${type}" is written for version ${JSON.stringify(version)} of the plugin contract, and ${supports}. Install a version of the plugin, or of rowshift, that fits the other.`
}

function missingParts(parts: Readonly<Record<keyof Plugin, unknown>>): string[] {
  const wanted = [
    ['label', 'string'],
    ['connectionSchema', 'object'],
    ['connectionFromUrl', 'function'],
    ['describeConnection', 'function'],
  ] as const
  const missing: string[] = wanted.flatMap(([name, type]) =>
    typeof parts[name] === type && parts[name] !== null ? [] : [`"${name}" (${type})`],
  )
  const factories = ['createReader', 'createWriter', 'createTaskStore'] as const
  return factories.some((name) => typeof parts[name] === 'function')
    ? missing
    : [...missing, `one of ${factories.map((name) => `"${name}"`).join(', ')} (function)`]
}

function capabilityFaults(capabilities: unknown): string[] {
  if (typeof capabilities !== 'object' || capabilities === null)
    return ['must be an object; {} for the defaults']
  const known = Object.keys(capabilityParts)
  return Object.entries(capabilities).flatMap(([name, value]: [string, unknown]) => {
    if (!Object.hasOwn(capabilityParts, name))
      return [`unknown capability "${name}"${didYouMean(name, known)}`]
    const { wanted, isRight } = capabilityParts[name as keyof Capabilities]
    return value === undefined || isRight(value) ? [] : [`${name}: must be ${wanted}`]
  })
}
