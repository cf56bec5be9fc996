import type { Argv } from 'yargs'
import { configOptions, wholeAboveZero } from './options.js'

/** Of `worker`. */
export function workerOptions<T>(yargs: Argv<T>) {
  return configOptions(yargs)
    .option('connect', {
      type: 'string',
      demandOption: true,
      describe: 'Where runs are heard of: redis://user:password@host:6379, or rediss:// for TLS',
    })
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
