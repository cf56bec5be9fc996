import type { Argv } from 'yargs'
import { RowshiftError } from '../contract/errors.js'
import type { logLevels } from '../log.js'
import type { MaxDelete } from '../task/params.js'

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

/** Other hosts that do the work. */
export interface HostOptions {
  /** Where their queue is; undefined: this process does it. */
  readonly workers: string | undefined
}

export function hostOptions<T>(yargs: Argv<T>): Argv<T & HostOptions> {
  return yargs.option('workers', {
    type: 'string',
    describe: 'Let the threads of "rowshift worker" on other hosts do it: redis://user:password@host:6379',
  })
}

export function reportOptions<T>(yargs: Argv<T>): Argv<T & ReportOptions> {
  return yargs.option('report', {
    type: 'string',
    describe: 'Write the report of the run to this file, as JSON',
  })
}

/** What an incremental run asks for. */
export interface ModeOptions {
  readonly mode: string | undefined
  readonly fromTarget: boolean
  /** Of a backfill. */
  readonly since: string | undefined
  readonly until: string | undefined
}

export interface RunOptions extends CommonOptions, ConfigOptions, ReportOptions, ModeOptions, HostOptions {
  /** A task that is running already is not a failure. */
  readonly skipRunning: boolean
  readonly retry: string | undefined
  /** An unfinished run is not gone on with. */
  readonly restart: boolean
  /** In place of what the task says, for this run only. */
  readonly where?: string | undefined
  readonly param?: readonly string[]
}

/** Of `run` and `copy`. */
export const RESTART_OPTION = {
  type: 'boolean',
  default: false,
  describe: 'Begin anew, also where an unfinished run could be resumed',
} as const

/** Of `run` and `copy`. */
export function retryOption<T>(yargs: Argv<T>): Argv<T & { readonly retry: string | undefined }> {
  return yargs.option('retry', {
    type: 'string',
    describe: 'Read the rows from this file, in which an earlier run left those that it rejected',
  })
}

export function runOptions<T>(yargs: Argv<T>) {
  return hostOptions(retryOption(modeOptions(reportOptions(configOptions(yargs)))))
    .option('skip-running', {
      type: 'boolean',
      default: false,
      describe: 'Exit with 0 when another run of the task is under way',
    })
    .option('restart', RESTART_OPTION)
    .option('where', {
      type: 'string',
      describe: "For this run: a condition on the source's rows, in place of the task's",
      coerce: condition,
    })
    .option('param', paramOption("For this run: a param in place of the task's, as key=value"))
}

export function paramOption(describe: string) {
  return { type: 'string', array: true, nargs: 1, default: [] as string[], describe } as const
}

/** Text, since of numbers yargs makes 0 of nothing, and rounds what is too large. */
const idOption = { type: 'string', describe: 'Task id', coerce: taskId } as const

export function idArgument<T>(yargs: Argv<T>) {
  return yargs.positional('id', { ...idOption, demandOption: true })
}

export function optionalIdArgument<T>(yargs: Argv<T>) {
  return yargs.positional('id', idOption)
}

/** `rowshift --id 5`, which is short for `rowshift run 5`. */
export function idAsOption<T>(yargs: Argv<T>) {
  return yargs.option('id', idOption)
}

export function taskId(text: string): number {
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new RowshiftError('USAGE', 'A task id is a whole number; "rowshift list" shows the tasks.')
}

/** For `coerce`; yargs makes NaN of what is not a number. */
export function wholeAboveZero(option: string): (value: number) => number {
  return (value) => {
    if (Number.isSafeInteger(value) && value > 0) return value
    throw new RowshiftError('USAGE', `${option} is a whole number above 0.`)
  }
}

export function modeOptions<T>(yargs: Argv<T>): Argv<
  T & {
    mode: string | undefined
    'from-target': boolean
    since: string | undefined
    until: string | undefined
  }
> {
  return fromTargetOption(yargs)
    .option('mode', {
      choices: ['init', 'append', 'increment', 'sync'] as const,
      describe: 'init: full copy; append: new keys; increment: changed rows; sync: compare and repair',
    })
    .option('since', {
      type: 'string',
      describe: 'Read a range again: from this diff_column on, or above this key; the watermark stays',
    })
    .option('until', { type: 'string', describe: 'With --since: before this diff_column, or up to this key' })
}

export function fromTargetOption<T>(yargs: Argv<T>): Argv<T & { 'from-target': boolean }> {
  return yargs.option('from-target', {
    type: 'boolean',
    default: false,
    describe: "Begin incremental runs at the target's highest value where nothing is remembered",
  })
}

/** Tables that no task names. */
export interface TablesOptions {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly params: string | undefined
  readonly param: readonly string[]
}

export function tablesOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('from', { type: 'string', describe: 'type://user:password@host:port/db?table=name' })
    .option('to', { type: 'string', describe: 'The same form, for the target' })
    .option('params', { type: 'string', describe: 'Task params: JSON, or a file with it' })
    .option('param', paramOption('One of them: key=value'))
}

/** Of `bench`. */
export function benchOptions<T>(yargs: Argv<T>) {
  return tablesOptions(yargs)
    .option('seconds', {
      type: 'number',
      default: 60,
      describe: 'Time for all measurements together',
      coerce: benchSeconds,
    })
    .option('svg', { type: 'string', describe: 'Write a picture of the result to this file' })
}

function benchSeconds(value: number): number {
  if (value >= 5 && value <= 3600) return value
  throw new RowshiftError('USAGE', '--seconds is a number from 5 to 3600.')
}

export function watermarkOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('mode', { choices: ['append', 'increment'] as const, describe: 'Whose: each has its own' })
    .option('set', { type: 'string', describe: 'Begin here: the last key copied, or a time' })
    .option('reset', {
      type: 'boolean',
      default: false,
      describe: 'Forget it: the next run reads everything',
    })
}

/** Of `throttle`. */
export function throttleOptions<T>(yargs: Argv<T>) {
  const rate = (option: string, what: string) =>
    ({ type: 'string', describe: `Most ${what} per second, or none`, coerce: limit(option) }) as const
  return yargs
    .positional('run', { type: 'string', demandOption: true, describe: 'Id of the run, or latest' })
    .option('record', rate('--record', 'rows'))
    .option('byte', rate('--byte', 'bytes'))
}

function limit(option: string): (text: string) => number | null {
  return (text) => {
    if (text === 'none') return null
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) > 0) return Number(text)
    throw new RowshiftError('USAGE', `${option} is a whole number above 0, or none.`)
  }
}

/** Of `verify`. */
export function verifyOptions<T>(yargs: Argv<T>) {
  return tablesOptions(yargs)
    .positional('id', { ...idOption, describe: 'Task id; else --from and --to' })
    .option('where', {
      type: 'string',
      describe: 'SQL condition on the rows of both ends',
      coerce: condition,
    })
    .option('sample', {
      type: 'number',
      default: 100,
      describe: 'Percent of the splits to compare',
      coerce: percentage,
    })
    .option('repair', {
      type: 'boolean',
      default: false,
      describe: 'Write missing and different rows, delete extra ones',
    })
    .option('max-delete', {
      type: 'string',
      describe: 'Most rows to delete: a number, or a percentage like 5%',
      coerce: maxDelete,
    })
}

function condition(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (text.trim() !== '') return text
  throw new RowshiftError('USAGE', '--where is empty: give a condition, or leave --where out.')
}

function percentage(value: number): number {
  if (value > 0 && value <= 100) return value
  throw new RowshiftError('USAGE', '--sample is a percentage above 0, up to 100.')
}

function maxDelete(text: string): MaxDelete {
  if (/^\d+$/.test(text)) return Number(text)
  if (/^\d+(\.\d+)?%$/.test(text)) return text as MaxDelete
  throw new RowshiftError(
    'USAGE',
    `--max-delete ${text} is neither a number of rows nor a percentage like 5%.`,
  )
}
