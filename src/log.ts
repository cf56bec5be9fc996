import { pino } from 'pino'

/** Diagnostics as JSON lines on stderr; stdout belongs to results. */
export const log = pino({ level: 'error', base: null }, pino.destination({ dest: 2, sync: true }))

export const logLevels = ['error', 'warn', 'info', 'debug'] as const

export function setLogLevel(level: (typeof logLevels)[number]): void {
  log.level = level
}
