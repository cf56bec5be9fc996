import { RowshiftError } from '../contract/errors.js'

type Environment = Readonly<Record<string, string | undefined>>
type Connection = Readonly<Record<string, unknown>>

/**
 * Puts environment variables into a connection's fields: a field that names a set variable becomes that variable's
 * value, and so does `${NAME}` inside any text (`$${` and `${}` are its escapes). Throws one VARIABLE_MISSING that lists every variable that is not
 * set and where it is used.
 */
export function substitute(connection: Connection, where: string, environment: Environment): Connection {
  return replaceFields(connection, where, environment, (text, field, missing) => {
    const whole = variable(environment, text)
    if (whole !== undefined) return whole
    if (looksLikeVariable(text, field)) missing.push(`${text} (${where}.${field})`)
    return null
  })
}

/** The same for all texts that a value holds. */
export function substituteDeep(value: unknown, where: string, environment: Environment): unknown {
  if (typeof value === 'string') return substitute({ value }, where, environment)['value']
  if (Array.isArray(value)) return value.map((each, i) => substituteDeep(each, `${where}[${i}]`, environment))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    substituteDeep(each, `${where}.${key}`, environment),
  ])
  return Object.fromEntries(entries)
}

/** The same for a URL's parts, in which only `${NAME}` stands for a variable. */
export function substituteReferences(
  connection: Connection,
  where: string,
  environment: Environment,
): Connection {
  return replaceFields(connection, where, environment, () => null)
}

/**
 * A capitalised name that ends like its field: `LOCAL_DW_HOST` for a host. Database names are exempt; some
 * are capitalised.
 */
function looksLikeVariable(text: string, field: string): boolean {
  return field !== 'db' && /^[A-Z][A-Z0-9_]*$/.test(text) && text.endsWith(`_${field.toUpperCase()}`)
}

function replaceFields(
  connection: Connection,
  where: string,
  environment: Environment,
  replaceWhole: (text: string, field: string, missing: string[]) => string | null,
): Connection {
  const missing: string[] = []
  const replaced = Object.entries(connection).map(([field, value]) => {
    if (typeof value !== 'string') return [field, value]
    const whole = replaceWhole(value, field, missing)
    return [field, whole ?? replaceReferences(value, `${where}.${field}`, environment, missing)]
  })
  if (missing.length > 0) {
    throw new RowshiftError(
      'VARIABLE_MISSING',
      `Environment variables are not set: ${missing.join(', ')}. Set them, or write the values themselves.`,
      { missing },
    )
  }
  return Object.fromEntries(replaced) as Connection
}

/** `constructor` is not one, although every object has it. */
function variable(environment: Environment, name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined
}

/** `${NAME}` is a variable, `$${` the two characters `${`, and `${}` nothing: it keeps a text from being a variable's name. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)?\}/g

function replaceReferences(text: string, path: string, environment: Environment, missing: string[]): string {
  return text.replaceAll(REFERENCE, (reference, name: string | undefined) => {
    if (reference === '$${') return '${'
    if (name === undefined) return ''
    const found = variable(environment, name)
    if (found === undefined) missing.push(`${name} (${path})`)
    return found ?? reference
  })
}
