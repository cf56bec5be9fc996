import { threadId } from 'node:worker_threads'
import { recycle } from '../src/batch/builder.js'
import type { ThreadMessage } from '../src/engine/messages.js'
import { RowshiftError } from '../src/errors.js'
import { rangesOf, readerOf, writerOf } from '../src/engine/ends.js'
import type { StageSetup } from '../src/engine/messages.js'
import type { Batch, Reader, ReadPlan, Split, Writer } from '../src/plugin.js'
import type { StagedPlan } from '../src/stage.js'
import type { Router } from '../src/shard/router.js'
import type { RangeSource } from '../src/sources/range-reader.js'
import { RangeReader } from '../src/sources/range-reader.js'
import { addFindings, areEqual, noFindings } from '../src/verify/findings.js'
import type { Findings, VerifyJob, VerifyResult, VerifySetup } from '../src/verify/messages.js'
import { comparisonSetup, routerOf } from '../src/verify/comparison-setup.js'
import { RowComparison } from '../src/verify/row-comparison.js'
import { rowsOfShard } from '../src/verify/shard-cell.js'
import { loadPlugin } from './load-plugin.js'
import { RowRepair } from './row-repair.js'
import type { Making, SourceSink } from './source-rows.js'
import { SourceRows } from './source-rows.js'
import { Stage } from './stage.js'

/** A differing range with more rows is divided before its rows are read. */
const FEW_ROWS = 1_000
const PARTS = 16
/** A range whose rows weigh more is divided too. */
const MANY_BYTES = 16 << 20

interface Side {
  readonly reader: Reader
  /** The same, or all tables of it together. */
  readonly ranges: RangeSource
  readonly plan: ReadPlan
}

interface Opened {
  readonly source: Side
  readonly target: Side
  /** null: nothing is repaired. */
  readonly writer: Writer | null
  /** How rows are made without changing anything, and for a repair, which may give ids. null: they are compared as they are read. */
  readonly making: Making | null
  readonly repairMaking: Making | null
}

interface Ends extends Pick<Opened, 'source' | 'target' | 'writer'> {
  readonly making: Making | null
}

/** One thread's readers of both ends, and how a range is compared and repaired. */
export class Verifier {
  readonly #setup: VerifySetup
  /** null: the target is one table. */
  readonly #router: Router | null
  readonly #post: (message: ThreadMessage) => void
  readonly #abort = new AbortController()
  #ends: Promise<Opened> | null = null

  constructor(setup: VerifySetup, post: (message: ThreadMessage) => void) {
    this.#setup = setup
    this.#router = routerOf(setup.plan)
    this.#post = post
  }

  async run({ range, mayDelete }: VerifyJob): Promise<VerifyResult> {
    const { repair: plan } = this.#setup
    let repair: RowRepair | null = null
    try {
      const opened = await (this.#ends ??= this.#open())
      const ends = mayDelete === null ? opened : { ...opened, making: opened.repairMaking }
      if (mayDelete !== null) repair = new RowRepair(ends.writer!, plan!, this.#abort.signal)
      if (repair !== null) await this.#repair(ends, range, repair, mayDelete!)
      const findings = await this.#compare(ends, range)
      return { outcome: 'done', findings, ...changes(repair) }
    } catch (thrown) {
      const { code, message, details } = this.#abort.signal.aborted
        ? new RowshiftError('INTERRUPTED', 'Interrupted while comparing.')
        : RowshiftError.from(thrown)
      return {
        outcome: 'failed',
        error: { code, message, details: { split: range.index, ...details } },
        // Both ends are read again, so it does not matter what was committed.
        repeatable: code === 'LOCK_CONFLICT',
        ...changes(repair),
      }
    }
  }

  abort(): void {
    this.#abort.abort()
  }

  /** After the last range. */
  async close(): Promise<void> {
    if (this.#ends === null) return
    const ends = await this.#ends.catch(() => null)
    await Promise.allSettled([
      ends?.source.reader.close(),
      ends?.target.reader.close(),
      ends?.writer?.close(),
      ends?.making?.stage.close(),
      ends?.repairMaking?.stage.close(),
    ])
    this.#post({ type: 'closed', thread: threadId })
  }

  async #compare(ends: Ends, range: Split): Promise<Findings> {
    if (!this.#setup.plan.digests) return this.#compareRows(ends, range)
    const [a, b] = await this.#digests(ends, range)
    if (a === null || b === null) return this.#compareRows(ends, range)
    if (a.rows === b.rows && a.digest === b.digest) {
      return { ...noFindings, sourceRows: a.rows, targetRows: b.rows }
    }
    const rows = Math.max(a.rows, b.rows)
    const oneSided = a.rows === 0 || b.rows === 0
    if (rows > FEW_ROWS && !oneSided && this.#divisible(range)) {
      const side = a.rows >= b.rows ? ends.source : ends.target
      return this.#compareParts(ends, side, range, Math.ceil(rows / PARTS))
    }
    const found = await this.#compareRows(ends, range)
    if (areEqual(found.differences)) await this.#explain(ends, range)
    return found
  }

  /** Row by row, by what both readers say. */
  async #compareRows(ends: Ends, range: Split): Promise<Findings> {
    const comparison = new RowComparison(comparisonSetup(this.#setup.plan, ends.making?.plan ?? null))
    let bytes = 0
    for await (const batch of this.#readSource(ends, range, comparison, false)) {
      bytes += batch.bytes.length
      if (bytes > MANY_BYTES && this.#divisible(range)) {
        return this.#compareParts(ends, ends.source, range, Math.max(1, comparison.sourceRows >> 1))
      }
      comparison.addSource(batch)
      recycle(batch)
    }
    for await (const batch of this.#readTarget(ends.target, range)) {
      comparison.addTarget(batch)
      recycle(batch)
    }
    const differences = comparison.end()
    return {
      sourceRows: comparison.sourceRows,
      targetRows: comparison.targetRows,
      filtered: comparison.filtered,
      differences,
      ranges: areEqual(differences) ? [] : [{ range, extra: differences.extra }],
    }
  }

  async #compareParts(ends: Ends, side: Side, range: Split, rows: number): Promise<Findings> {
    const parts: Split[] = []
    const { signal } = this.#abort
    for await (const part of side.ranges.divide(side.plan, range, () => rows, signal)) parts.push(part)
    let all = noFindings
    for (const part of parts) {
      const indivisible = parts.length === 1 || part.indivisible
      const found = await this.#compare(ends, {
        ...part,
        index: range.index,
        ...(indivisible ? { indivisible: true } : {}),
      })
      all = addFindings(all, found)
    }
    return all
  }

  /** The digests differed and the rows did not: either somebody has changed the rows meanwhile, or one of the two is wrong. */
  async #explain(ends: Ends, range: Split): Promise<void> {
    const [a, b] = await this.#digests(ends, range)
    if (a?.rows === b?.rows && a?.digest === b?.digest) return
    const { table } = ends.source.plan.source
    throw new RowshiftError(
      'INTERNAL',
      `The databases' digests of a range of ${table} differ (${JSON.stringify(range)}), but its rows read alike on both ends. ` +
        'Run the verification again when nobody writes to the tables; if it stays so, please report it.',
      { table },
    )
  }

  async #repair(ends: Ends, range: Split, repair: RowRepair, mayDelete: number): Promise<void> {
    const comparison = new RowComparison(comparisonSetup(this.#setup.plan, ends.making?.plan ?? null), repair)
    for await (const batch of this.#readSource(ends, range, comparison, true)) comparison.addSource(batch)
    if (!comparison.complete) throw tooLarge(ends.source.plan.source.table)
    for await (const batch of this.#readTarget(ends.target, range)) comparison.addTarget(batch)
    // More than there were when the user's limit was looked at: somebody else writes to the target.
    await repair.apply(comparison.end().extra <= mayDelete)
  }

  #digests(ends: Ends, range: Split) {
    const digest = ({ reader, plan }: Side) =>
      hasNone(plan, range)
        ? Promise.resolve({ rows: 0, digest: '0' })
        : reader.digest!(plan, range, this.#abort.signal)
    return Promise.all([digest(ends.source), digest(ends.target)])
  }

  async *#read({ ranges, plan }: Side, range: Split): AsyncGenerator<Batch> {
    if (!hasNone(plan, range)) yield* ranges.read(plan, range, this.#abort.signal)
  }

  /** A row that no shard is for cannot be repaired, so then each `must` have one. */
  async *#readSource(
    { source, making }: Ends,
    range: Split,
    sink: SourceSink,
    must: boolean,
  ): AsyncGenerator<Batch> {
    const { ranges, plan } = source
    if (hasNone(plan, range)) return
    const rows = new SourceRows(ranges, plan, making, this.#router && { router: this.#router, must })
    yield* rows.read(range, sink, this.#abort.signal)
  }

  async *#readTarget(side: Side, range: Split): AsyncGenerator<Batch> {
    const { ranges, plan } = side
    if (this.#router === null || !(ranges instanceof RangeReader)) yield* this.#read(side, range)
    else if (!hasNone(plan, range)) {
      for (const table of plan.sources!) {
        const rows = ranges.readTable(plan, table, range, this.#abort.signal)
        for await (const batch of rows) yield rowsOfShard(batch, table.name)
      }
    }
  }

  /** The range above the source's last key has no end to divide towards. */
  #divisible(range: Split): boolean {
    return this.#setup.plan.source.key !== null && range.upper !== null && !range.indivisible
  }

  async #open(): Promise<Opened> {
    this.#post({ type: 'opened', thread: threadId })
    const { runId, source, target, plan, repair, stage, repairStage } = this.#setup
    const reader = readerOf(await loadPlugin(source), source, plan.source.sources != null)!
    const plugin = await loadPlugin(target)
    const targetReader = readerOf(plugin, target, plan.target.sources != null)!
    const writer = repair === null ? null : writerOf(plugin, target, repair.sharding !== null)!
    const { signal } = this.#abort
    const compared = { ...plan.source, target: plan.target.source, columns: plan.columns, stage: plan.stage }
    const [making, repairMaking] = await Promise.all([
      makingOf({ runId, plan: compared, stage }, signal),
      makingOf(repair && { runId, plan: repair, stage: repairStage }, signal),
      reader.connect(),
      targetReader.connect(),
      writer?.connect(),
    ])
    return {
      source: { reader, ranges: rangesOf(reader), plan: plan.source },
      target: { reader: targetReader, ranges: rangesOf(targetReader), plan: plan.target },
      writer,
      making,
      repairMaking,
    }
  }
}

/** Rows that a repair has changed so far; none without one. */
function changes(repair: RowRepair | null): { written: number; deleted: number } {
  return { written: repair?.written ?? 0, deleted: repair?.deleted ?? 0 }
}

/** null: rows are compared as they are read. */
async function makingOf(
  setup: { runId: string; plan: StagedPlan; stage: StageSetup | null } | null,
  signal: AbortSignal,
): Promise<Making | null> {
  const stage = setup && (await Stage.open(setup, signal))
  return stage && { plan: setup.plan.stage!, stage }
}

/** A key without NULL has no rows in the split of NULL keys. */
function hasNone({ key }: ReadPlan, range: Split): boolean {
  return range.nullKey === true && key?.nullable !== true
}

function tooLarge(table: string): RowshiftError {
  return new RowshiftError(
    'KEY_REQUIRED',
    `${table} differs, is compared in one piece, and is too large for that to be repaired. Give both tables a unique key that sorts alike, or copy the table again.`,
    { table },
  )
}
