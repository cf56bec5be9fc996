import type { Argv } from 'yargs'
import { configOptions, wholeAboveZero } from './options.js'

/** Of `hosts` and `worker`. */
export function connectOption<T>(yargs: Argv<T>) {
  return yargs.option('connect', {
    type: 'string',
    demandOption: true,
    describe: 'Where runs are heard of: redis://user:password@host:6379, or rediss:// for TLS',
  })
}

/** Of `worker`. */
export function workerOptions<T>(yargs: Argv<T>) {
  return connectOption(configOptions(yargs))
    .option('threads', {
      type: 'number',
      demandOption: true,
      describe: 'How many threads do the work here',
      coerce: wholeAboveZero('--threads'),
    })
    .option('lock', {
      type: 'number',
      default: 30,
      describe: 'Seconds without a sign of life after which a split is given to another worker',
      coerce: wholeAboveZero('--lock'),
    })
}
