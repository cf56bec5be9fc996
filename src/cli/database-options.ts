/** Options of copies of whole databases. */
import type { Argv } from 'yargs'
import type { Definer } from '../contract/plugin.js'

/** Which tables of a database, where the URLs name none. */
export interface SelectionOptions {
  readonly tables: string | undefined
  readonly exclude: string | undefined
  readonly rename: string | undefined
  readonly onTableError: 'stop' | 'continue' | undefined
}

/** What is made beside rows. */
export interface SchemaOptions {
  readonly schemaOnly: boolean
  readonly dataOnly: boolean
  readonly objects: boolean
  readonly definer: Definer | undefined
}

export function selectionOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('tables', {
      type: 'string',
      describe: "Of a database (URLs without table=): these, like 'user,order_*' or /^log_[0-9]+$/",
    })
    .option('exclude', { type: 'string', describe: 'Of a database: all but these' })
    .option('rename', { type: 'string', describe: "Of a database: other names, like 'old_*=new_*'" })
    .option('on-table-error', {
      choices: ['stop', 'continue'] as const,
      describe: 'Of a database: whether the other tables go on when one fails (stop)',
    })
}

export function schemaOptions<T>(yargs: Argv<T>) {
  return yargs
    .option('schema-only', {
      type: 'boolean',
      default: false,
      describe: 'Of a database: make what is missing (tables, indexes, foreign keys), copy no rows',
    })
    .option('data-only', {
      type: 'boolean',
      default: false,
      describe: 'Of a database: copy rows, make nothing',
    })
    .option('objects', {
      type: 'boolean',
      default: false,
      describe: 'Of a database: make views, triggers, routines and events too',
    })
    .option('definer', {
      choices: ['keep', 'drop'] as const,
      describe: 'With --objects: whether they run as who has made them in the source, or as you (drop)',
    })
}
