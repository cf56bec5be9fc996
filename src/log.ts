import { pino } from 'pino'

/** When the disk that stderr goes to is full, or nobody reads it any more, the work goes on all the same. */
const stderr = pino.destination({ dest: 2, sync: true }).on('error', () => {})

/** Diagnostics as JSON lines on stderr; stdout belongs to results. */
export const log = pino({ level: 'error', base: null }, stderr)

export const logLevels = ['error', 'warn', 'info', 'debug'] as const

/** A level of another name changes nothing: whoever reads the command line refuses it afterwards. */
export function setLogLevel(level: (typeof logLevels)[number]): void {
  if (logLevels.includes(level)) log.level = level
}
