import { createRequire } from 'node:module'
import type { Logger, pino } from 'pino'

export const logLevels = ['error', 'warn', 'info', 'debug'] as const

type Level = (typeof logLevels)[number]
type Line = readonly [text: string] | readonly [fields: object, text: string]

let level: Level = 'error'
let logger: Logger | null = null

/** Diagnostics as JSON lines on stderr; stdout belongs to results. */
export const log: { readonly [At in Level]: (...line: Line) => void } = {
  error: (...line) => write('error', line),
  warn: (...line) => write('warn', line),
  info: (...line) => write('info', line),
  debug: (...line) => write('debug', line),
}

/** A level of another name changes nothing: whoever reads the command line refuses it afterwards. */
export function setLogLevel(least: Level): void {
  if (logLevels.includes(least)) level = least
}

/** Whether lines of this level are written. */
export function isLogged(at: Level): boolean {
  return logLevels.indexOf(at) <= logLevels.indexOf(level)
}

/** For whoever goes on for long: files may have run out by the first line, and then it could not be loaded. */
export function openLog(): void {
  logger ??= openLogger()
}

function write(at: Level, [first, text]: Line): void {
  if (!isLogged(at)) return
  logger ??= openLogger()
  if (typeof first === 'string') logger[at](first)
  else logger[at](first, text)
}

/** With the first line: most runs write none, and loading pino takes 0.02 s of CPU. */
function openLogger(): Logger {
  const { pino: make } = createRequire(import.meta.url)('pino') as { readonly pino: typeof pino }
  // When the disk that stderr goes to is full, or nobody reads it any more, the work goes on all the same.
  const stderr = make.destination({ dest: 2, sync: true }).on('error', () => {})
  return make({ level: 'debug', base: null }, stderr)
}
