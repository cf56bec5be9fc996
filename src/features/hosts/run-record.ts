/** What the workers of a run are given: one text, stored once. Plain JSON without secrets. */
import { createHash } from 'node:crypto'
import { RowshiftError } from '../../contract/errors.js'
import { rowshiftVersion } from '../../version.js'
import type { ConnectionNeeds } from './connection-needs.js'

const FORMAT = 2

export interface RunRecord {
  readonly format: typeof FORMAT
  readonly version: string
  readonly runId: string
  /** File in `workers/`. */
  readonly worker: string
  readonly jobsPerThread: number
  readonly maxYoungGenerationSizeMb: number | null
  /** What its threads start with, but for connections and what threads of one process share. */
  readonly setup: Readonly<Record<string, unknown>>
  readonly connections: ConnectionNeeds
  /** Of the modules and tables that rows are made with, by path: digests of what is in them. */
  readonly files: Readonly<Record<string, string>>
  /** Of the numbers that tell the snowflake ids of threads apart, the first that is for its workers; null: there are none. */
  readonly firstNumber: number | null
  /** What tells the source tables from others of the same names. */
  readonly source: string
  /** The same of the target. */
  readonly target: string
  /** It is one of several tables of the run, each of which has a record of its own. */
  readonly ofTables: boolean
}

/** One job as it stands in the queue. */
export interface QueuedJob {
  readonly runId: string
  /** Of the record of the table, where the run copies several. */
  readonly planHash: string
  /** The run of that table; null: the run copies one. */
  readonly table: string | null
  readonly job: object
}

export function newRecord(facts: Omit<RunRecord, 'format' | 'version'>): RunRecord {
  return { format: FORMAT, version: rowshiftVersion(), ...facts }
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Throws HOSTS_REFUSED where another version of rowshift has written it. */
export function readRecord(text: string): RunRecord {
  const record = JSON.parse(text) as RunRecord
  const own = rowshiftVersion()
  if (record.format === FORMAT && seriesOf(record.version) === seriesOf(own)) return record
  throw new RowshiftError(
    'HOSTS_REFUSED',
    `The run was planned by rowshift ${record.version}, and this worker is rowshift ${own}: install the same version on all hosts.`,
    { planned: record.version, worker: own },
  )
}

/** Versions of one series understand each other's plans: with the same major version, and below 1.0.0 the same minor one. */
function seriesOf(version: string): string {
  const [major = '', minor = ''] = version.split('.')
  return major === '0' ? `${major}.${minor}` : major
}
