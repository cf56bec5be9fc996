/** What the threads of a worker start with, of the record of a run and what this host has. */
import { closeAll, openAll } from '../../contract/opening.js'
import { RowshiftError } from '../../contract/errors.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { endpointsOf, readersOf, writersOf } from '../../engine/endpoints.js'
import type { PipelineSetup, WorkerSetup } from '../../engine/messages.js'
import { noneConnected } from '../../engine/messages.js'
import { OpenConnections } from '../../engine/open-connections.js'
import {
  forThreads,
  haveOwnWorkers,
  setUpPipeline,
  takesWorkers,
  takeWorkers,
} from '../../engine/pipeline-setup.js'
import { counted } from '../../wire/counted.js'
import { areSameTables, filesOf } from '../resume/table-shapes.js'
import { WORKERS } from '../ids/snowflake.js'
import type { VerifySetup } from '../verify/messages.js'
import type { FoundConnections } from './connection-needs.js'
import { isComparison } from './refusals.js'
import { sourceMark, sourceOf, targetMark } from './run-hosts.js'
import type { RunRecord } from './run-record.js'

export type HostSetup = WorkerSetup | VerifySetup

/** Looks at what this host has. Throws HOSTS_REFUSED when it is not what the run was planned with. */
export async function threadSetup(
  record: RunRecord,
  found: FoundConnections,
  threads: number,
  signal: AbortSignal,
): Promise<HostSetup> {
  const setup = record.setup as unknown as HostSetup
  checkFiles(record, setup)
  const { session, timeZone } = record.connections
  const { source: from, target: to } = found
  const source = endpointsOf(from, session, timeZone)
  const target = endpointsOf(to, session, isComparison(setup) ? timeZone : null)
  const readers = readersOf(from.loaded.plugin, source)
  const writers = writersOf(to.loaded.plugin, target)
  const connections = new OpenConnections({ ...found, session, signal })
  try {
    await openAll(readers, signal)
    if ((await sourceMark(sourceOf(setup), readers)) !== record.source) throw another('source')
    // Shards may be made while the run goes on.
    if (!areSameTables(await targetMark(setup, to, session, signal), record.target)) throw another('target')
    const pipeline = await pipelineOf(setup, found, connections, signal)
    if (takesWorkers(setup.plan.pipeline)) {
      await openAll(writers.slice(0, 1), signal)
      await takeWorkers(setup.plan.pipeline, pipeline, writers[0]!, threads)
      const { firstNumber } = record
      if (firstNumber !== null && !haveOwnWorkers(pipeline!, firstNumber, threads)) throw noNumbers(threads)
    }
    const control = `rowshift-host-${record.runId}-${process.pid}`
    const own = { source, target, pipeline, control, connected: noneConnected() }
    return isComparison(setup)
      ? { ...setup, ...own, repairPipeline: null }
      : { ...setup, ...own, dirty: null, defers: false }
  } finally {
    await closeAll([...readers, ...writers, connections])
  }
}

async function pipelineOf(
  setup: HostSetup,
  { others }: FoundConnections,
  connections: OpenConnections,
  signal: AbortSignal,
): Promise<PipelineSetup | null> {
  const { pipeline } = setup.plan
  if (pipeline === null) return null
  for (const name of ['source', 'target', ...Object.keys(others)]) connections.connection(name)
  for (const cell of [...pipeline.values, ...pipeline.cells]) {
    if (cell.type !== 'lookup' || cell.lookup.given || connections.named(cell.lookup.in) !== undefined)
      continue
    throw new RowshiftError(
      'HOSTS_REFUSED',
      `The lookup of ${cell.name} reads ${cell.lookup.in}, and the connection of that name leads to another place on this host. Let it lead there on all hosts.`,
    )
  }
  const made = await setUpPipeline(pipeline, connections, signal)
  return made && forThreads(made.setup)
}

/** Modules are found by their paths, and are to be the same everywhere. */
function checkFiles({ files }: RunRecord, { plan }: HostSetup): void {
  const here = filesOf({ pipeline: plan.pipeline } as RunPlan)
  for (const [path, digest] of Object.entries(files)) {
    if (here[path] === digest) continue
    const what = here[path] === 'ENOENT' ? 'is missing on this host' : 'is another file on this host'
    throw new RowshiftError(
      'HOSTS_REFUSED',
      `${path} ${what}: the run was planned with it. Put the same file at the same path on all hosts.`,
      { file: path },
    )
  }
}

/** Two threads of one number would make the same ids. */
function noNumbers(threads: number): RowshiftError {
  return new RowshiftError(
    'HOSTS_REFUSED',
    `Snowflake ids tell ${WORKERS} threads apart, and this worker's ${counted(threads, 'thread')} would be more than are left of them: each worker that takes part takes ` +
      'as many as it has threads, and others when it starts anew. Use fewer threads in all, or ids of type sequence or uuidv7; a run that is resumed begins to count anew.',
  )
}

function another(end: 'source' | 'target'): RowshiftError {
  return new RowshiftError(
    'HOSTS_REFUSED',
    `The ${end}'s table is not the one that the run was planned with: the connection leads to another database on this host, or its user may not see as much of it. ` +
      'Let it lead to the same server with the same privileges on all hosts.',
  )
}
