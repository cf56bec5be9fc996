import { recycle } from '../src/wire/builder.js'
import type { ThreadMessage } from '../src/engine/messages.js'
import { RowshiftError } from '../src/contract/errors.js'
import type { SettleJob } from '../src/engine/messages.js'
import type { Batch, ReadSpec, Split } from '../src/contract/plugin.js'
import type { Target } from '../src/features/shard/target.js'
import { addFindings, areEqual, noFindings } from '../src/features/verify/findings.js'
import type { Findings, VerifyJob, VerifyResult, VerifySetup } from '../src/features/verify/messages.js'
import { divideRange } from '../src/features/verify/range-reads.js'
import { RowComparison } from '../src/features/verify/row-comparison.js'
import { PoolThread } from './pool-thread.js'
import { rejectRow, RowRepair } from './row-repair.js'
import { settleRows } from './settling.js'
import { Routes } from './routes.js'
import { reportOf } from './split-errors.js'
import type { SourceSink } from './source-rows.js'
import { SourceRows } from './source-rows.js'
import type { Side } from './side.js'
import type { ComparedEndpoints, VerifyEndpoints } from './verify-endpoints.js'
import { openEndpoints } from './verify-endpoints.js'

/** A differing range with more rows is divided before its rows are read. */
const FEW_ROWS = 1_000
const PARTS = 16
/** How often a range is looked at whose digests differ while its rows are equal. */
const LOOKS = 3
/** A range whose rows weigh more is divided too. */
const MANY_BYTES = 16 << 20

/** One thread's readers of both endpoints, and how a range is compared and repaired. */
export class Verifier extends PoolThread<VerifyEndpoints> {
  readonly #setup: VerifySetup

  constructor(setup: VerifySetup, post: (message: ThreadMessage) => void) {
    super(setup, post)
    this.#setup = setup
  }

  run(job: VerifyJob): Promise<VerifyResult> {
    return this.busy(() => this.#run(job))
  }

  async #run(job: VerifyJob): Promise<VerifyResult> {
    let repair: RowRepair | null = null
    try {
      const opened = await this.opened()
      if ('settle' in job) return await this.#settle((await opened.repair()).writes, job)
      const { range, mayDelete, repaired } = job
      const repairing = repaired ? await opened.repair() : null
      if (repairing !== null && mayDelete !== null) {
        repair = new RowRepair(repairing.writes, this.#setup.repair!, this.signal)
        await this.#repair(repairing.repaired, range, repair, mayDelete)
      }
      const findings = await this.#compare(repairing?.after ?? opened.compared, range)
      return { outcome: 'done', findings, deferred: repair?.deferred.parts ?? [], ...changes(repair) }
    } catch (thrown) {
      const failure = this.signal.aborted
        ? new RowshiftError('INTERRUPTED', 'Interrupted while comparing.')
        : RowshiftError.from(thrown)
      const report = reportOf(failure, 'settle' in job ? job.index : job.range.index, null)
      // Both endpoints are read again, so it does not matter what was committed.
      return { ...this.failure(failure, report, { undone: true }), ...changes(repair) }
    }
  }

  protected open(): Promise<VerifyEndpoints> {
    return openEndpoints(this.#setup, this.connections, this.signal)
  }

  protected closeEndpoints(endpoints: VerifyEndpoints): Promise<void> {
    return endpoints.close()
  }

  async #compare(endpoints: ComparedEndpoints, range: Split): Promise<Findings> {
    if (this.#setup.plan.digest?.ranges !== true) return this.#compareRows(endpoints, range)
    for (let look = 0; look < LOOKS; look++) {
      const [a, b] = await this.#digests(endpoints, range)
      if (a === null || b === null) return this.#compareRows(endpoints, range)
      if (a.rows === b.rows && a.digest === b.digest) {
        return { ...noFindings, sourceRows: a.rows, targetRows: b.rows }
      }
      const rows = Math.max(a.rows, b.rows)
      const oneSided = a.rows === 0 || b.rows === 0
      if (rows > FEW_ROWS && !oneSided && this.#divisible(range)) {
        const side = a.rows >= b.rows ? endpoints.source : endpoints.target
        return this.#compareParts(endpoints, side, range, Math.ceil(rows / PARTS))
      }
      const found = await this.#compareRows(endpoints, range)
      // Rows that turn out to be equal were changed between the two looks, so the next look should agree.
      if (!areEqual(found.differences)) return found
    }
    throw contradiction(endpoints.source.plan.table.table, range)
  }

  /** Row by row, by what both readers say. */
  async #compareRows(endpoints: ComparedEndpoints, range: Split): Promise<Findings> {
    const comparison = new RowComparison(endpoints.comparison)
    const routes = new Routes(endpoints, this.#setup.repaired)
    let bytes = 0
    for await (const batch of this.#readSource(endpoints, range, comparison, routes)) {
      bytes += batch.bytes.length
      if (bytes > MANY_BYTES && this.#divisible(range)) {
        return this.#compareParts(endpoints, endpoints.source, range, Math.max(1, comparison.sourceRows >> 1))
      }
      comparison.addSource(batch)
      recycle(batch)
    }
    for await (const batch of this.#readTarget(endpoints, range, routes)) {
      comparison.addTarget(batch)
      recycle(batch)
    }
    const differences = comparison.end()
    return {
      sourceRows: comparison.sourceRows,
      targetRows: comparison.targetRows,
      filtered: comparison.filtered,
      differences,
      ranges: areEqual(differences) ? [] : [{ range, deletable: differences.extra + comparison.unsettled }],
      shardError: routes.shardError,
    }
  }

  async #compareParts(
    endpoints: ComparedEndpoints,
    side: Side,
    range: Split,
    rows: number,
  ): Promise<Findings> {
    const parts: Split[] = []
    const { signal } = this
    for await (const part of divideRange(side.readers, side.plan, range, () => rows, signal)) parts.push(part)
    let all = noFindings
    for (const part of parts) {
      const indivisible = parts.length === 1 || part.indivisible
      const found = await this.#compare(endpoints, {
        ...part,
        index: range.index,
        ...(indivisible ? { indivisible: true } : {}),
      })
      all = addFindings(all, found)
    }
    return all
  }

  async #repair(
    endpoints: ComparedEndpoints,
    range: Split,
    repair: RowRepair,
    mayDelete: number,
  ): Promise<void> {
    const comparison = new RowComparison(endpoints.comparison, repair)
    const routes = new Routes(endpoints, this.#setup.repaired)
    for await (const batch of this.#readSource(endpoints, range, comparison, routes))
      comparison.addSource(batch)
    if (routes.shardError !== null) throw RowshiftError.fromReport(routes.shardError)
    if (!comparison.complete) throw tooLarge(endpoints.source.plan.table.table)
    for await (const batch of this.#readTarget(endpoints, range, routes)) comparison.addTarget(batch)
    // More than there were when the user's limit was looked at: somebody else writes to the target.
    await repair.apply(comparison.end().extra <= mayDelete)
  }

  /** Rows that have waited for a unique value; all other rows are repaired. */
  async #settle(target: Target, job: SettleJob): Promise<VerifyResult> {
    const { rowsWritten } = await settleRows(target, job, {
      signal: this.signal,
      onProgress: () => {},
      onDirty: rejectRow,
      beforeCommit: () => {},
    })
    return { outcome: 'done', findings: noFindings, deferred: [], written: rowsWritten, deleted: 0 }
  }

  #digests(endpoints: ComparedEndpoints, range: Split) {
    const { formats } = this.#setup.plan.digest!
    // Several tables have no digest.
    const digest = ({ readers, plan }: Side) =>
      hasNone(plan, range)
        ? Promise.resolve({ rows: 0, digest: '0' })
        : readers[0]!.skills.digest!.ofSplit(plan, formats, range, this.signal)
    return Promise.all([digest(endpoints.source), digest(endpoints.target)])
  }

  async *#readSource(
    { source, making, router }: ComparedEndpoints,
    range: Split,
    sink: SourceSink,
    routes: Routes,
  ): AsyncGenerator<Batch> {
    if (hasNone(source.plan, range)) return
    const rows = new SourceRows(source, making, router && { router, sink: routes })
    yield* rows.read(range, sink, this.signal)
  }

  async *#readTarget(
    { target, targetRows }: ComparedEndpoints,
    range: Split,
    routes: Routes,
  ): AsyncGenerator<Batch> {
    if (!hasNone(target.plan, range)) yield* targetRows.read(range, routes.shards, this.signal)
  }

  /** The range above the source's last key has no end to divide towards. */
  #divisible(range: Split): boolean {
    return this.#setup.plan.source.key !== null && range.upper !== null && !range.indivisible
  }
}

/** Rows that a repair has changed so far; none without one. */
function changes(repair: RowRepair | null): { written: number; deleted: number } {
  return { written: repair?.written ?? 0, deleted: repair?.deleted ?? 0 }
}

/** A key without NULL has no rows in the split of NULL keys. */
function hasNone({ key }: ReadSpec, range: Split): boolean {
  return range.nullKey === true && key?.nullable !== true
}

function contradiction(table: string, range: Split): RowshiftError {
  return new RowshiftError(
    'INTERNAL',
    `The databases' digests of a range of ${table} differ (${JSON.stringify(range)}), but its rows are equal on both ends, ${LOOKS} times. ` +
      'Run the verification again when nobody writes to the tables; if it stays so, please report it.',
    { table },
  )
}

function tooLarge(table: string): RowshiftError {
  return new RowshiftError(
    'KEY_REQUIRED',
    `${table} differs, is compared as a single range, and is too large for that to be repaired. Give both tables a unique key that sorts alike, or copy the table again.`,
    { table },
  )
}
