import type { ErrorObject, ValidateFunction } from 'ajv'
import { Ajv } from 'ajv'
import { config, params } from './validators.cjs'

const files = { config, params }

// Checking the schemas themselves costs time at every start; a test does that.
const ajv = new Ajv({
  allErrors: true,
  allowUnionTypes: true,
  validateSchema: false,
  code: { optimize: false },
})

/** By the schema object itself: compiling takes longer than all the checking. */
const compiled = new Map<object, ValidateFunction>()

/**
 * Checks a value against a schema file of `etc/`; returns every fault, each with its path, in which `root`
 * stands for the value itself. Empty when there is none.
 */
export function checkByFile(file: keyof typeof files, value: unknown, root: string): string[] {
  return faults(files[file], value, root)
}

/** The same against a schema in memory. */
export function check(schema: object, value: unknown, root: string): string[] {
  const validate = compiled.get(schema) ?? ajv.compile(schema)
  compiled.set(schema, validate)
  return faults(validate, value, root)
}

function faults(validate: ValidateFunction, value: unknown, root: string): string[] {
  if (validate(value)) return []
  const errors = validate.errors ?? []
  // Beside "must match a schema in anyOf" stand the faults of each alternative; the deepest say the most.
  const useful = errors.filter(
    (error) => error.keyword !== 'anyOf' || !errors.some((other) => inside(other, error)),
  )
  return [...new Set(useful.map((error) => describe(error, root)))]
}

function inside(error: ErrorObject, outer: ErrorObject): boolean {
  return error !== outer && error.instancePath.startsWith(outer.instancePath) && error.keyword !== 'anyOf'
}

/** Never quotes the value: it may be a secret. */
function describe(error: ErrorObject, root: string): string {
  const path = root + error.instancePath.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')
  const { params } = error
  switch (error.keyword) {
    case 'additionalProperties':
      return `${path}: unknown key "${params['additionalProperty']}"`
    case 'required':
      return `${path}: "${params['missingProperty']}" is missing`
    case 'enum':
      return `${path}: must be one of ${(params['allowedValues'] as string[]).join(', ')}`
    case 'type':
      return `${path}: must be ${[params['type']].flat().join(' or ')}`
    default:
      return `${path}: ${error.message}`
  }
}
