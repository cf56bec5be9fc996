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
  PlannedWrite,
  ReadSpec,
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
import { fromSql, keyProbe, selectSql } from './select.js'
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

  async check(spec: ReadSpec, write: PlannedWrite, allColumns: boolean): Promise<readonly string[]> {
    const session = await this.#open()
    const late = await checkRefusals(session, spec)
    const found = await checkSource(session, spec, write, allColumns)
    return [...late, ...found, ...(await zoneWarnings(session, this.#endpoint, spec.table, computed(spec)))]
  }

  async outline(spec: ReadSpec): Promise<SplitOutline> {
    const session = await this.#open()
    const strategy = await explainSteps(spec, keyProbe(session, spec))
    const first = await splitByKey(spec, keyProbe(session, spec), () => spec.splitRows).next()
    if (first.done) return { strategy, query: null, explain: [] }
    const query = selectSql(spec, first.value)
    return { strategy, query, explain: await explainQuery(session, query) }
  }

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => splitByKey(spec, keyProbe(session, spec), size))
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => divideRange(spec, range, keyProbe(session, spec), size))
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

  read(spec: ReadSpec, split: Split, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#select(spec, selectSql(spec, split), split, signal)
  }

  async *find(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncIterable<Batch> {
    for (const sql of findSql(spec, keys)) yield* this.#select(spec, sql, null, signal)
  }

  async *#select(
    spec: ReadSpec,
    sql: string,
    split: Split | null,
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const session = await this.#open()
    const rows = new RowStream(session, spec, sql)
    const release = session.bind(signal)
    let ended = false
    try {
      yield* rows.batches()
      ended = true
    } catch (error) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
      throw await readError(session, error, spec, split, 'reading')
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

  async state({ table }: ReadSpec): Promise<TableState> {
    return tableState(await this.#open(), table.table)
  }

  async digestForms(spec: ReadSpec): Promise<DigestForm[][] | null> {
    return digestForms(await this.#open(), spec)
  }

  async rowDigest(spec: ReadSpec, forms: DigestForms): Promise<Column> {
    return rowDigest(await this.#open(), spec, forms)
  }

  async digest(
    spec: ReadSpec,
    forms: DigestForms,
    split: Split,
    signal: AbortSignal,
  ): Promise<Digest | null> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      const select = await digestSelect(session, spec, forms)
      const [row] = await session.query(`${select}${fromSql(spec, split)}`)
      return digestOf(row![0]!, row![1] ?? null)
    } catch (error) {
      throw await readError(session, error, spec, split, 'computing the digest of')
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
  readonly #spec: ReadSpec
  readonly #builder: BatchBuilder
  readonly #waiting: Batch[] = []
  #wake: () => void = () => {}
  #result: Promise<void> | null = null
  #discarding = false

  constructor(session: Session, spec: ReadSpec, sql: string) {
    this.#session = session
    this.#sql = sql
    this.#spec = spec
    this.#builder = new BatchBuilder(spec.batch)
  }

  async *batches(): AsyncGenerator<Batch> {
    let running = true
    const result = this.#session
      .readRows(this.#sql, {
        builder: this.#builder,
        columns: this.#spec.columns,
        onFull: () => this.#push(),
        refusal: (cells) => misfitError(this.#spec, cells),
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
