import { RowshiftError } from '../errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Names with at least one underscore in capitals: what the configuration files use for variables. */
const LOOKS_LIKE_VARIABLE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/

/**
 * Puts environment variables into every string of a value: a string that names a set variable becomes that
 * variable's value, and so does `${NAME}` inside a longer string. Throws one VARIABLE_MISSING that lists every
 * variable that is not set, with the path where it is used.
 */
export function substitute<T>(value: T, where: string, environment: Environment): T {
  const missing: string[] = []
  const result = replaceIn(value, where, environment, missing)
  if (missing.length > 0) {
    throw new RowshiftError(
      'VARIABLE_MISSING',
      `Environment variables are not set: ${missing.join(', ')}. Set them, or write the values into the file.`,
      { missing },
    )
  }
  return result as T
}

function replaceIn(value: unknown, path: string, environment: Environment, missing: string[]): unknown {
  if (typeof value === 'string') return replaceText(value, path, environment, missing)
  if (Array.isArray(value))
    return value.map((item, i) => replaceIn(item, `${path}[${i}]`, environment, missing))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      replaceIn(item, `${path}.${key}`, environment, missing),
    ]),
  )
}

function replaceText(text: string, path: string, environment: Environment, missing: string[]): string {
  const whole = environment[text]
  if (whole !== undefined) return whole
  if (LOOKS_LIKE_VARIABLE.test(text)) missing.push(`${text} (${path})`)
  return text.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (reference, name: string) => {
    const found = environment[name]
    if (found === undefined) missing.push(`${name} (${path})`)
    return found ?? reference
  })
}
