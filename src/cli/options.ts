import type { Argv } from 'yargs'
import { RowshiftError } from '../errors.js'
import type { logLevels } from '../log.js'

/** Options of every command. */
export interface CommonOptions {
  readonly json: boolean
  readonly logLevel: (typeof logLevels)[number]
}

/** Where the configuration is. */
export interface ConfigOptions {
  readonly config: string
  readonly env: string
}

export interface ReportOptions {
  readonly report: string | undefined
}

export function configOptions<T>(yargs: Argv<T>): Argv<T & ConfigOptions> {
  return yargs
    .option('config', {
      alias: 'c',
      type: 'string',
      default: 'etc',
      describe: 'Folder of the configuration files',
    })
    .option('env', {
      alias: 'e',
      type: 'string',
      default: 'local',
      describe: 'Which one: <env>.json in that folder',
    })
}

export function reportOptions<T>(yargs: Argv<T>): Argv<T & ReportOptions> {
  return yargs.option('report', {
    type: 'string',
    describe: 'Write the report of the run to this file, as JSON',
  })
}

export interface RunOptions extends CommonOptions, ConfigOptions, ReportOptions {
  readonly mode: string | undefined
  /** A task that is running already is no failure. */
  readonly skipRunning: boolean
}

export function runOptions<T>(yargs: Argv<T>) {
  return reportOptions(configOptions(yargs))
    .option('mode', { type: 'string', describe: 'init: full copy' })
    .option('skip-running', {
      type: 'boolean',
      default: false,
      describe: 'Exit with 0 when another run of the task is under way',
    })
}

export function idArgument<T>(yargs: Argv<T>): Argv<T & { readonly id: number }> {
  return yargs.positional('id', { type: 'number', demandOption: true, describe: 'Task id' })
}

/** yargs makes NaN of what is not a number. */
export function taskId(value: number | undefined): number {
  if (value !== undefined && Number.isInteger(value)) return value
  throw new RowshiftError('USAGE', 'A task id is a whole number; "rowshift list" shows the tasks.')
}
