/** Options of `task` and `serve`. */
import type { Argv } from 'yargs'
import { RowshiftError } from '../contract/errors.js'
import { paramOption } from './options.js'

/** Of `serve`. */
export function serveOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('port', { type: 'number', default: 7070, describe: 'Port to listen on; 0: any', coerce: port })
    .option('listen', { type: 'string', default: '127.0.0.1', describe: 'Address to listen on' })
    .option('workers', {
      type: 'string',
      describe:
        'Show the workers of this queue, and let runs be given to them: redis://user:password@host:6379',
    })
    .option('audit', { type: 'string', describe: 'Append a line for each action to this file (stderr)' })
}

function port(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value
  throw new RowshiftError('USAGE', '--port is a whole number from 0 to 65535.')
}

/** Of `task`. */
export function taskOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('from', { type: 'string', describe: 'Where it reads: TYPE:APP/DB/TABLE' })
    .option('to', { type: 'string', describe: 'Where it writes: the same form' })
    .option('params', { type: 'string', describe: 'All its params: JSON, or a file with it' })
    .option('param', paramOption('One of its params: key=value'))
    .option('unset', paramOption('Take one of its params away'))
    .option('desc', { type: 'string', describe: 'What it is for' })
    .option('owner', { type: 'string', describe: 'Whose it is' })
    .option('online', { type: 'boolean', describe: 'Whether it may run' })
}
