import { BatchBuilder, recycle } from '../../src/batch/builder.js'
import type {
  Batch,
  BoundRequest,
  Column,
  ColumnMapping,
  Derivation,
  Digest,
  DigestForm,
  DigestForms,
  Endpoint,
  LossSearch,
  Plan,
  ReadPlan,
  Reader,
  SnapshotLock,
  Split,
  SplitOutline,
  SplitSize,
  TableDefinition,
  TableSchema,
  TableState,
  Window,
} from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { divideRange, explainSteps, splitByKey } from '../../src/sql/splits.js'
import type { Session } from './connection.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { digestForms, digestOf, digestSelect, rowDigest } from './digest.js'
import { mapError } from './errors.js'
import { findSql } from './find.js'
import { findLoss } from './loss-search.js'
import { checkSource, explainQuery } from './preflight.js'
import { checkRefusals, misfitError, readError } from './refused.js'
import { describeTable, listTables } from './schema.js'
import { fromSql, keyProbe, selectSql, splitSql } from './select.js'
import { SessionSlot } from './session-slot.js'
import { lockWrites } from './snapshot.js'
import { tableState } from './table-state.js'
import { checkWhere } from './user-sql.js'
import { findWindow } from './window.js'
import { computed, inUtc, openInZone, zoneWarnings } from './zones.js'

/** Batches read but not yet taken, after which the server has to wait. */
const MAX_WAITING = 4

export class MysqlReader implements Reader {
  readonly #endpoint: Endpoint
  readonly #session: SessionSlot
  #inSnapshot = false

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
    this.#session = new SessionSlot(endpoint, openInZone)
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#session.signal = signal
    await this.#open()
  }

  async describe(table: string): Promise<TableSchema> {
    return inUtc(this.#endpoint, await describeTable(await this.#open(), table))
  }

  async tables(): Promise<readonly string[]> {
    return listTables(await this.#open())
  }

  async definition(table: string): Promise<TableDefinition> {
    return defineTable(await this.#open(), table)
  }

  async wide(table: string): Promise<readonly string[]> {
    return wideColumns(await this.#open(), table)
  }

  async checkWhere(table: TableSchema, where: string): Promise<readonly string[]> {
    return checkWhere(await this.#open(), this.#endpoint, table, where)
  }

  async derive(table: TableSchema, wanted: readonly Derivation[]): Promise<readonly Column[]> {
    return derive(await this.#open(), table, wanted)
  }

  async findLoss(table: TableSchema, column: ColumnMapping, where: string | null): Promise<LossSearch> {
    return findLoss(await this.#open(), table, column, where)
  }

  async check(plan: Plan, allColumns: boolean): Promise<readonly string[]> {
    const session = await this.#open()
    const late = await checkRefusals(session, plan)
    const found = await checkSource(session, plan, splitSql(plan), allColumns)
    return [...late, ...found, ...(await zoneWarnings(session, this.#endpoint, plan.source, computed(plan)))]
  }

  async outline(plan: Plan): Promise<SplitOutline> {
    const session = await this.#open()
    const strategy = await explainSteps(plan, keyProbe(session, plan))
    const first = await splitByKey(plan, keyProbe(session, plan), () => plan.splitRows).next()
    if (first.done) return { strategy, query: null, explain: [] }
    const query = selectSql(plan, first.value)
    return { strategy, query, explain: await explainQuery(session, query) }
  }

  split(plan: ReadPlan, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => splitByKey(plan, keyProbe(session, plan), size))
  }

  divide(plan: ReadPlan, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => divideRange(plan, range, keyProbe(session, plan), size))
  }

  async *#splits(
    signal: AbortSignal,
    splits: (session: Session) => AsyncIterable<Split>,
  ): AsyncGenerator<Split> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      yield* splits(session)
    } finally {
      release()
    }
  }

  read(plan: ReadPlan, split: Split, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#select(plan, selectSql(plan, split), split, signal)
  }

  async *find(plan: ReadPlan, keys: Batch, signal: AbortSignal): AsyncIterable<Batch> {
    for (const sql of findSql(plan, keys)) yield* this.#select(plan, sql, null, signal)
  }

  async *#select(
    plan: ReadPlan,
    sql: string,
    split: Split | null,
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const session = await this.#open()
    const rows = new RowStream(session, plan, sql)
    const release = session.bind(signal)
    let ended = false
    try {
      yield* rows.batches()
      ended = true
    } catch (error) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
      throw await readError(session, error, plan, split, 'reading')
    } finally {
      release()
      // Reading the rest costs time, but a session given up would take its snapshot with it.
      if (!ended && this.#inSnapshot) await rows.discard()
      else if (!ended) this.#session.drop()
    }
  }

  bound(request: BoundRequest): Promise<Window> {
    return findWindow(this.#endpoint, request, this.#session.signal)
  }

  async state({ source }: ReadPlan): Promise<TableState> {
    return tableState(await this.#open(), source.table)
  }

  async digestForms(plan: ReadPlan): Promise<DigestForm[][] | null> {
    return digestForms(await this.#open(), plan)
  }

  async rowDigest(plan: ReadPlan, forms: DigestForms): Promise<Column> {
    return rowDigest(await this.#open(), plan, forms)
  }

  async digest(
    plan: ReadPlan,
    forms: DigestForms,
    split: Split,
    signal: AbortSignal,
  ): Promise<Digest | null> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      const select = await digestSelect(session, plan, forms)
      const [row] = await session.query(`${select}${fromSql(plan, split)}`)
      return digestOf(row![0]!, row![1] ?? null)
    } catch (error) {
      throw await readError(session, error, plan, split, 'computing the digest of')
    } finally {
      release()
    }
  }

  lock(table: string, signal: AbortSignal): Promise<SnapshotLock> {
    return lockWrites(this.#endpoint, table, signal)
  }

  async beginSnapshot(): Promise<void> {
    const session = await this.#open()
    try {
      await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
      await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
    } catch (error) {
      throw mapError(error, `beginning a snapshot of ${session.where}`)
    }
    this.#inSnapshot = true
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  async #open(): Promise<Session> {
    if (this.#inSnapshot && this.#session.empty) {
      throw new RowshiftError(
        'CONNECTION_LOST',
        'The connection that held the snapshot is gone, and the snapshot with it. Run again, into an empty target or with write mode "upsert".',
      )
    }
    return this.#session.get()
  }
}

/** The rows of one query: filled by the socket, emptied by the consumer, with a bound in between. */
class RowStream {
  readonly #session: Session
  readonly #sql: string
  readonly #plan: ReadPlan
  readonly #builder: BatchBuilder
  readonly #waiting: Batch[] = []
  #wake: () => void = () => {}
  #result: Promise<void> | null = null
  #discarding = false

  constructor(session: Session, plan: ReadPlan, sql: string) {
    this.#session = session
    this.#sql = sql
    this.#plan = plan
    this.#builder = new BatchBuilder(plan.batch)
  }

  async *batches(): AsyncGenerator<Batch> {
    let running = true
    const result = this.#session
      .readRows(this.#sql, {
        builder: this.#builder,
        columns: this.#plan.columns.map(({ source }) => source),
        onFull: () => this.#push(),
        refusal: (cells) => misfitError(this.#plan, cells),
      })
      .finally(() => {
        running = false
        this.#wake()
      })
    // Awaited below; until then a rejection must not count as unhandled.
    result.catch(() => {})
    this.#result = result
    while (running || this.#waiting.length > 0) {
      const batch = this.#waiting.shift()
      if (batch) {
        yield batch
        if (this.#waiting.length === 0) this.#session.resume()
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    await result
    const last = this.#builder.take()
    if (last) yield last
  }

  /** Takes what is left of the result to nowhere, so that the session can be used again. */
  async discard(): Promise<void> {
    this.#discarding = true
    this.#waiting.length = 0
    this.#session.resume()
    await this.#result?.catch(() => {})
  }

  #push(): void {
    if (this.#discarding) {
      recycle(this.#builder.take()!)
      return
    }
    this.#waiting.push(this.#builder.take()!)
    if (this.#waiting.length >= MAX_WAITING) this.#session.pause()
    this.#wake()
  }
}
