/** What is wrong with a command line that the parser takes, or does not explain. */
import { RowshiftError } from '../contract/errors.js'
import { didYouMean } from '../suggest.js'

/** Options that may be given several times. */
const LISTS: ReadonlySet<string> = new Set(['param', 'unset'])

/** yargs makes a list of an option that is given twice. */
export function refuseRepeated(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (Array.isArray(value) && !LISTS.has(name) && name !== '_') {
      throw new RowshiftError('USAGE', `--${name} was given more than once.`)
    }
  }
}

/** yargs takes every value of a switch but "true" for false, so that --dry-run=yes would copy. */
export function refuseOddSwitches(args: readonly string[], switches: readonly string[]): void {
  const odd = args.find((arg) => {
    const [, name, value] = /^--(?:no-)?([^=]+)=(.*)$/s.exec(arg) ?? []
    if (name === undefined || value === 'true' || value === 'false') return false
    return switches.includes(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  })
  if (odd !== undefined)
    throw new RowshiftError('USAGE', `${odd}: this option takes no value, or true or false.`)
}

/** What yargs hands to `fail` beside the message; its types say otherwise. */
export interface YargsUsage {
  getDescriptions(): Readonly<Record<string, string>>
  getCommands(): readonly (readonly [string, ...unknown[]])[]
}

/** What the parser refuses, as a USAGE error that names what may have been meant. */
export function unusable(message: string, usage: YargsUsage, args: readonly string[]): RowshiftError {
  const { fault, hint } = correctionOf(message, usage, args)
  return new RowshiftError(
    'USAGE',
    `${fault.replace(/\.$/, '')}${hint === '' ? '.' : hint} "rowshift --help" lists the commands and options.`,
  )
}

/** Reads `Unknown arguments: form, x` and `Argument: mode, Given: "apend", Choices: "init", "append"`. */
function correctionOf(message: string, usage: YargsUsage, args: readonly string[]) {
  const [, given, choices] = /^Invalid values:.*Given: "([^"]*)", Choices: (.*)$/s.exec(message) ?? []
  if (choices !== undefined) {
    const known = [...choices.matchAll(/"([^"]*)"/g)].map(([, choice]) => choice!)
    return { fault: message, hint: didYouMean(given!, known) }
  }
  const unknown = /^Unknown arguments?: (.*)$/s.exec(message)?.[1]?.split(', ') ?? []
  const commands = usage.getCommands().map(([command]) => command.split(' ')[0]!)
  const command = unknown.find((name) => name === args.find((arg) => !arg.startsWith('-')))
  // Where the command is unknown, so are its options.
  if (command !== undefined && didYouMean(command, commands) !== '')
    return { fault: `Unknown command: ${command}`, hint: didYouMean(command, commands) }
  const known = [...Object.keys(usage.getDescriptions()), ...commands]
  const hints = unknown.map((name) => didYouMean(name, known))
  return { fault: message, hint: hints.find((hint) => hint !== '') ?? '' }
}

/** What yargs has beside what its types say: the names of the options of the command. */
export interface YargsOptions {
  getOptions(): { readonly boolean: readonly string[] }
}

/** yargs lays out the help of every command that it runs, which takes 0.1 s of CPU where lines have an end; null: none. */
export function helpWidth(args: readonly string[]): number | null {
  const shown = args.some((arg) => arg === '--help' || arg === '-h')
  return shown ? Math.min(110, process.stdout.columns ?? 110) : null
}

/** `help copy` is `copy --help`. */
export function spelledOut([first, ...rest]: readonly string[]): readonly string[] {
  if (first === 'help') return [...rest.slice(0, 1), '--help']
  return first === undefined ? [] : [first, ...rest].map(withItsQuotes)
}

/** yargs takes a pair of quotes off the value of `--where='a' <> name OR name = 'b'`, which belong to SQL: it gets one to take. */
function withItsQuotes(arg: string): string {
  return arg.replace(/^(-[^=]+=)((['"]).*\3|['"])$/s, (_, name: string, value: string) => `${name}'${value}'`)
}
