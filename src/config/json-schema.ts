import type { Ajv, ErrorObject, ValidateFunction } from 'ajv'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { didYouMean } from '../suggest.js'
import { config, params } from './validators.cjs'

const files = { config, params }
const names = { config: 'db-config.schema.json', params: 'params.schema.json' }

/** Loaded for a schema that is not compiled: that of somebody else's plugin. */
let ajv: Ajv | null = null

const MOST_ENTRIES = 10_000
const MOST_VALUES = 100_000
export const MOST_DEPTH = 20

const NOT_ALL = 'the rest was not looked at'

/** Nobody reads more, and each is compared with the others. */
const MOST_ERRORS = 1_000

/** By the schema object itself: compiling takes longer than all the checking. */
const compiled = new Map<object, ValidateFunction>()

/**
 * Checks a value against a schema file of `etc/`; returns every fault, each with its path, in which `root`
 * stands for the value itself. Empty when there is none.
 */
export function checkByFile(file: keyof typeof files, value: unknown, root: string): string[] {
  // Compiled, a schema no longer knows its names, and only faults ask for them.
  const schema = () =>
    JSON.parse(readFileSync(new URL(`../../../etc/${names[file]}`, import.meta.url), 'utf8')) as object
  return faults(files[file], value, root, schema)
}

/** The same against a schema in memory, perhaps with the function that it was compiled to. */
export function check(
  schema: object,
  value: unknown,
  root: string,
  validate = compiled.get(schema) ?? compile(schema),
): string[] {
  return faults(validate, value, root, () => schema)
}

function compile(schema: object): ValidateFunction {
  ajv ??= openAjv()
  const validate = ajv.compile(schema)
  compiled.set(schema, validate)
  return validate
}

function openAjv(): Ajv {
  const { Ajv: Validator } = createRequire(import.meta.url)('ajv') as { readonly Ajv: typeof Ajv }
  // Checking the schemas themselves costs time; a test does that for ours.
  return new Validator({
    allErrors: true,
    allowUnionTypes: true,
    validateSchema: false,
    code: { optimize: false },
  })
}

function faults(validate: ValidateFunction, value: unknown, root: string, schema: () => object): string[] {
  const size = sizeFault(value, root)
  if (size !== null) return [size, `${root}: ${NOT_ALL}`]
  try {
    if (validate(value)) return []
  } catch (error) {
    // Entries of lists are compared by methods that they may have keys for.
    if (!(error instanceof TypeError)) throw error
    return [`${root}: a list has an entry with the key "toString" or "valueOf"`, `${root}: ${NOT_ALL}`]
  }
  const all = validate.errors ?? []
  const errors = all.slice(0, MOST_ERRORS)
  // Beside "must match a schema in anyOf" stand the faults of each alternative; the deepest say the most.
  const useful = errors.filter(
    (error) => error.keyword !== 'anyOf' || !errors.some((other) => inside(other, error)),
  )
  const found = [...new Set(useful.map((error) => describe(error, value, { root, schema })))]
  return errors.length < all.length ? [...found, `${root}: ${NOT_ALL}`] : found
}

/** Whether the faults are all that a value has, so that a part of it without one is as its schema says. */
export function areAll(faults: readonly string[]): boolean {
  return faults.at(-1)?.endsWith(NOT_ALL) !== true
}

/**
 * What is beyond all that anybody means: the validator, and whoever works with the value afterwards, takes a stack as deep as the
 * value, and the square of the time for its faults.
 */
function sizeFault(value: unknown, root: string): string | null {
  const left: (readonly [value: unknown, path: string, depth: number])[] = [[value, root, 0]]
  let values = 0
  for (let next = left.pop(); next; next = left.pop()) {
    const [each, path, depth] = next
    if (typeof each !== 'object' || each === null) continue
    const entries = Object.entries(each)
    values += entries.length
    if (entries.length > MOST_ENTRIES)
      return `${path}: has ${entries.length} entries; no more than ${MOST_ENTRIES} are taken. Values that many belong in a table, for "lookup"`
    if (depth === MOST_DEPTH) return `${path}: is nested too deeply`
    if (values > MOST_VALUES) return `${root}: has more than ${MOST_VALUES} values`
    for (const [key, inner] of entries) {
      const step = Array.isArray(each) ? `[${key}]` : `.${key}`
      left.push([inner, path + step, depth + 1])
    }
  }
  return null
}

function inside(error: ErrorObject, outer: ErrorObject): boolean {
  return error !== outer && error.instancePath.startsWith(outer.instancePath) && error.keyword !== 'anyOf'
}

/** Never quotes the value: it may be a secret. */
function describe(
  error: ErrorObject,
  value: unknown,
  { root, schema }: { readonly root: string; readonly schema: () => object },
): string {
  const path = root + error.instancePath.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')
  const { params } = error
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty'])
      return `${path}: unknown key "${name}"${didYouMean(name, knownNames(schema(), error.instancePath))}`
    }
    case 'required':
      return `${path}: "${params['missingProperty']}" is missing`
    case 'enum': {
      const known = params['allowedValues'] as string[]
      const given = valueAt(value, error.instancePath)
      const hint = typeof given === 'string' ? didYouMean(given, known) : ''
      return `${path}: must be one of ${known.join(', ')}${hint}`
    }
    case 'type':
      return `${path}: must be ${[params['type']].flat().join(' or ')}`
    default:
      return `${path}: ${error.message}`
  }
}

function valueAt(value: unknown, instancePath: string): unknown {
  const steps = instancePath.split('/').slice(1)
  const keys = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return keys.reduce((part, key) => (part as Record<string, unknown>)[key], value)
}

/** The names that a schema has for the properties of the value at a path (`/columns/0`), in whatever alternative. */
function knownNames(schema: object, instancePath: string): string[] {
  let parts = alternatives(schema, schema as SchemaPart)
  for (const step of instancePath.split('/').slice(1)) {
    const inner = parts.flatMap(({ properties, items }) => properties?.[step] ?? items ?? [])
    parts = inner.flatMap((part) => alternatives(schema, part))
  }
  return parts.flatMap(({ properties }) => Object.keys(properties ?? {}))
}

/** What of a JSON Schema says which properties there are. */
interface SchemaPart {
  readonly $ref?: string
  readonly anyOf?: readonly SchemaPart[]
  readonly oneOf?: readonly SchemaPart[]
  readonly items?: SchemaPart
  readonly properties?: Readonly<Record<string, SchemaPart>>
}

function alternatives(schema: object, part: SchemaPart): SchemaPart[] {
  const { $ref, anyOf = [], oneOf = [] } = part
  const { definitions = {} } = schema as { definitions?: Record<string, SchemaPart> }
  const referred = $ref === undefined ? undefined : definitions[$ref.replace('#/definitions/', '')]
  const others = [...anyOf, ...oneOf, ...(referred ? [referred] : [])]
  return [part, ...others.flatMap((other) => alternatives(schema, other))]
}
