/** What users write for tables of a database: names, names with stars (`log_*`), or regular expressions between slashes (`/^log_\d+$/`). */
import { RowshiftError } from '../../contract/errors.js'
import type { TableName } from '../../contract/plugin.js'
import type { NameSyntax, NameSyntaxes } from './table-naming.js'

/** Which tables a pattern matches. Names stand in it as their database writes them, and it matches what they are without quotes. */
export interface NamePattern {
  readonly text: string
  readonly expression: RegExp
  /** A name without stars. */
  readonly isName: boolean
}

export interface RenameRule {
  readonly pattern: NamePattern
  /** The name in the target of one that the pattern matches. */
  readonly renamed: (name: string) => TableName
}

/** Splits `a,b_*` at its commas; those of a regular expression, and those after a backslash, stay. */
export function splitList(text: string): string[] {
  return [...text.matchAll(/(?:\/(?:\\.|[^/\\])*\/[^,]*|(?:\\.|[^,\\]|\\$)+)/gs)].map(([part]) => part.trim())
}

/** Throws USAGE for what is no pattern. */
export function patternOf(text: string, option: string, syntax: NameSyntax): NamePattern {
  refuseLoneBackslash(text, option)
  const [, expression] = /^\/(.*)\/$/s.exec(text) ?? []
  if (expression !== undefined) return { text, expression: compiled(expression, text, option), isName: false }
  const { schema, name } = nameIn(text, option, syntax)
  if (schema !== undefined)
    throw new RowshiftError(
      'USAGE',
      `${option} ${text}: tables are named without a schema here, ${name} or, where the name holds a dot, ${syntax.show({ name: text })}; those of the schema that the connection has for its own are looked at. For a table of another schema, add ?table= to both URLs. Nothing was written.`,
    )
  const parts = starParts(name)
  return {
    text,
    expression: new RegExp(`^${parts.map(escaped).join('(.*)')}$`, 's'),
    isName: parts.length === 1,
  }
}

/** `old_*=new_*`, or `/^old_(.*)$/=new_$1`. Throws USAGE for what is no such rule. */
export function renameRule(text: string, { source, target }: NameSyntaxes): RenameRule {
  const at = text.startsWith('/') ? text.lastIndexOf('/=') + 1 : text.indexOf('=')
  const right = text.slice(at + 1)
  if (at <= 0 || right === '')
    throw new RowshiftError('USAGE', `--rename ${text}: write old=new, old_*=new_* or /expression/=new.`)
  refuseLoneBackslash(text, '--rename')
  const pattern = patternOf(text.slice(0, at), '--rename', source)
  const isExpression = pattern.text.startsWith('/')
  const wanted = (isExpression ? aroundRest(right, target) : null) ?? nameIn(right, '--rename', target)
  const template = isExpression ? wanted : starTemplate(text, pattern, wanted)
  return { pattern, renamed: (name) => filled(template, name, pattern) }
}

/** `crm.`, `.` or `.v2`: what the expression does not match of a name stands before and behind it. null: it is none of these. */
function aroundRest(right: string, target: NameSyntax): TableName | null {
  if (target.read(right) !== null) return null
  const { schema, name } = target.read(`${REST}${right}${REST}`) ?? {}
  if (schema === undefined || name === undefined) return null
  return { schema: schema.slice(REST.length), name: name.slice(0, -REST.length) }
}

/** No name has it. */
const REST = '\0'

/** Its parts as `String.replace` takes them: the stars of the schema come before those of the name. */
function starTemplate(text: string, { text: left }: NamePattern, { schema, name }: TableName): TableName {
  let stars = 0
  const templateOf = (part: string) =>
    starParts(part)
      .map((plain, i) => (i === 0 ? '' : `$${++stars}`) + plain.replaceAll('$', '$$$$'))
      .join('')
  const template = {
    ...(schema !== undefined && { schema: templateOf(schema) }),
    name: templateOf(name),
  }
  if (stars !== starParts(left).length - 1)
    throw new RowshiftError('USAGE', `--rename ${text}: both sides need the same number of stars.`)
  return template
}

/** What stands before the match goes in front of the whole name, schema included, and what stands behind it to the end. */
function filled({ schema, name: last }: TableName, name: string, { expression }: NamePattern): TableName {
  const { 0: match, index } = expression.exec(name)!
  const [before, after] = [name.slice(0, index), name.slice(index + match.length)]
  const fill = (part: string) => {
    const whole = name.replace(expression, part)
    return whole.slice(before.length, whole.length - after.length)
  }
  return schema === undefined
    ? { name: name.replace(expression, last) }
    : { schema: before + fill(schema), name: fill(last) + after }
}

function nameIn(text: string, option: string, syntax: NameSyntax): TableName {
  if (text === '') throw new RowshiftError('USAGE', `${option} holds an empty name. Nothing was written.`)
  const name = syntax.read(text)
  if (name !== null) return name
  throw new RowshiftError(
    'USAGE',
    `${option} ${text} does not name a table: a name that holds a dot or a double quote stands in double quotes, and each double quote in it is written twice, ${syntax.show({ name: text })}. Nothing was written.`,
  )
}

/** Whoever ends with one has meant the character that is missing behind it, or the backslash itself. */
function refuseLoneBackslash(text: string, option: string): void {
  const [backslashes] = /\\*$/.exec(text)!
  if (backslashes.length % 2 === 0) return
  throw new RowshiftError(
    'USAGE',
    `${option} ${text} ends with a backslash, which makes a plain character of the next one: write \\\\ for one that is part of a name. Nothing was written.`,
  )
}

/** The text between stars; a backslash makes a plain character of a star, comma, slash or backslash. */
function starParts(text: string): string[] {
  const parts = ['']
  for (const [token, plain] of text.matchAll(/\\([*,/\\])|[\s\S]/g)) {
    if (token === '*') parts.push('')
    else parts[parts.length - 1] += plain ?? token
  }
  return parts
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

function compiled(expression: string, text: string, option: string): RegExp {
  try {
    return new RegExp(expression, 'u')
  } catch (error) {
    throw new RowshiftError(
      'USAGE',
      `${option} ${text} is not a regular expression: ${(error as Error).message}`,
    )
  }
}
