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

export function idArgument<T>(yargs: Argv<T>): Argv<T & { readonly id: number }> {
  return yargs.positional('id', { type: 'number', demandOption: true, describe: 'Task id' })
}

/** yargs makes NaN of what is not a number. */
export function taskId(value: number | undefined): number {
  if (value !== undefined && Number.isInteger(value)) return value
  throw new RowshiftError('USAGE', 'A task id is a whole number; "rowshift list" shows the tasks.')
}

export function modeOptions<T>(
  yargs: Argv<T>,
): Argv<T & { mode: string | undefined; 'from-target': boolean }> {
  return fromTargetOption(yargs).option('mode', {
    choices: ['init', 'append', 'increment'] as const,
    describe: 'init: full copy; append: new keys; increment: changed rows',
  })
}

export function fromTargetOption<T>(yargs: Argv<T>): Argv<T & { 'from-target': boolean }> {
  return yargs.option('from-target', {
    type: 'boolean',
    default: false,
    describe: "Begin incremental runs at the target's highest value where nothing is remembered",
  })
}
