import { BatchBuilder, recycle } from '../../src/batch/builder.js'
import type {
  Batch,
  BoundRequest,
  Column,
  ColumnMapping,
  Endpoint,
  LossSearch,
  Plan,
  Reader,
  SnapshotLock,
  Split,
  SplitOutline,
  SplitSize,
  TableDefinition,
  TableSchema,
  Window,
} from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import type { SqlKeyColumn } from '../../src/sql/range.js'
import { above, orderBy, rangeConditions, upTo, whereClause } from '../../src/sql/range.js'
import type { KeyProbe, KeyValue } from '../../src/sql/splits.js'
import { divideRange, explainSteps, splitByKey } from '../../src/sql/splits.js'
import { Session } from './connection.js'
import { defineTable } from './definition.js'
import { mapError } from './errors.js'
import { findLoss } from './loss-search.js'
import { checkSource, explainQuery } from './preflight.js'
import { describeTable } from './schema.js'
import { lockWrites } from './snapshot.js'
import { identifier, keyLiteral, keyOrder, keyText } from './sql.js'
import { mappedText, unmappedError } from './unmapped.js'
import { findWindow } from './window.js'

/** Batches read but not yet taken, after which the server has to wait. */
const MAX_WAITING = 4

export class MysqlReader implements Reader {
  readonly #endpoint: Endpoint
  #session: Session | null = null
  #inSnapshot = false

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  async connect(): Promise<void> {
    await this.#open()
  }

  async describe(table: string): Promise<TableSchema> {
    return describeTable(await this.#open(), table)
  }

  async definition(table: string): Promise<TableDefinition> {
    return defineTable(await this.#open(), table)
  }

  async findLoss(table: TableSchema, column: ColumnMapping, where: string | null): Promise<LossSearch> {
    return findLoss(await this.#open(), table, column, where)
  }

  async check(plan: Plan, allColumns: boolean): Promise<readonly string[]> {
    return checkSource(await this.#open(), plan, splitSql(plan), allColumns)
  }

  async outline(plan: Plan): Promise<SplitOutline> {
    const session = await this.#open()
    const strategy = await explainSteps(plan, keyProbe(session, plan))
    const first = await splitByKey(plan, keyProbe(session, plan), () => plan.splitRows).next()
    if (first.done) return { strategy, query: null, explain: [] }
    const query = selectSql(plan, first.value)
    return { strategy, query, explain: await explainQuery(session, query) }
  }

  split(plan: Plan, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => splitByKey(plan, keyProbe(session, plan), size))
  }

  divide(plan: Plan, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => divideRange(range, keyProbe(session, plan), size))
  }

  async *#splits(
    signal: AbortSignal,
    splits: (session: Session) => AsyncIterable<Split>,
  ): AsyncGenerator<Split> {
    const session = await this.#open()
    const stop = () => session.destroy()
    signal.addEventListener('abort', stop)
    try {
      yield* splits(session)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  async *read(plan: Plan, split: Split, signal: AbortSignal): AsyncIterable<Batch> {
    const session = await this.#open()
    const rows = new RowStream(session, plan, split)
    const stop = () => session.destroy()
    signal.addEventListener('abort', stop)
    let ended = false
    try {
      yield* rows.batches()
      ended = true
    } catch (error) {
      if (signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
      const details = { table: plan.source.table, split: split.index }
      throw unmappedError(error, plan) ?? mapError(error, `reading table ${plan.source.table}`, details)
    } finally {
      signal.removeEventListener('abort', stop)
      // Reading the rest costs time, but a session given up would take its snapshot with it.
      if (!ended && this.#inSnapshot) await rows.discard()
      else if (!ended) this.#drop()
    }
  }

  bound(request: BoundRequest): Promise<Window> {
    return findWindow(this.#endpoint, request)
  }

  async lock(table: string): Promise<SnapshotLock> {
    return lockWrites(this.#endpoint, table)
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
    await this.#session?.close()
    this.#session = null
  }

  /** A session that stands in the middle of a result is of no more use. */
  #drop(): void {
    this.#session?.destroy()
    this.#session = null
  }

  async #open(): Promise<Session> {
    if (this.#inSnapshot && this.#session === null) {
      throw new RowshiftError(
        'CONNECTION_LOST',
        'The connection that held the snapshot is gone, and the snapshot with it. Run again, into an empty target or with write mode "upsert".',
      )
    }
    this.#session ??= await Session.open(this.#endpoint)
    return this.#session
  }
}

/** The rows of one split: filled by the socket, emptied by the consumer, with a bound in between. */
class RowStream {
  readonly #session: Session
  readonly #sql: string
  readonly #columns: number
  readonly #builder: BatchBuilder
  readonly #waiting: Batch[] = []
  #wake: () => void = () => {}
  #result: Promise<void> | null = null
  #discarding = false

  constructor(session: Session, plan: Plan, split: Split) {
    this.#session = session
    this.#sql = selectSql(plan, split)
    this.#columns = plan.columns.length
    this.#builder = new BatchBuilder(plan.batch)
  }

  async *batches(): AsyncGenerator<Batch> {
    let running = true
    const result = this.#session
      .readRows(this.#sql, {
        builder: this.#builder,
        columns: this.#columns,
        onFull: () => this.#push(),
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

/** `SELECT … FROM t WHERE …`: the query of one split. */
export function selectSql(plan: Plan, split: Split): string {
  const columns = plan.columns.map(({ source }) => readExpression(source)).join(', ')
  const key = keyColumns(plan)
  const range = { ...split, lower: literals(plan, split.lower), upper: literals(plan, split.upper) }
  return `SELECT ${columns} FROM ${sourceTable(plan)}${whereClause(rangeConditions(key, range, plan.where, plan.window?.sql))}`
}

/** FLOAT is sent with 6 digits; as a double it comes with all of them. Adding 0 would do the same but lose -0. */
function readExpression(column: Column): string {
  const name = identifier(column.name)
  return column.kind === 'float' && column.type.startsWith('float')
    ? `${name}*1e0`
    : (mappedText(column) ?? name)
}

function keyProbe(session: Session, plan: Plan): KeyProbe {
  const key = keyColumns(plan)
  const cells = (plan.key?.columns ?? []).map(keyText)
  const present = rangeConditions(key, { lower: null, upper: null }, plan.where, plan.window?.sql)
  const ask = async (conditions: readonly string[], tail: string): Promise<KeyValue | null> => {
    const sql = `SELECT ${cells.join(', ')} FROM ${sourceTable(plan)}${whereClause(conditions)}${tail}`
    const rows = await session.query(sql).catch((error: unknown) => {
      throw mapError(error, `splitting table ${plan.source.table}`, { table: plan.source.table })
    })
    return (rows[0] as KeyValue | undefined) ?? null
  }
  return {
    first: () => ask(present, `${orderBy(key)} LIMIT 1`),
    last: () => ask(present, `${orderBy(key, 'DESC')} LIMIT 1`),
    nth(lower, upper, offset) {
      const conditions = [...present, upTo(key, literals(plan, upper)!)]
      if (lower) conditions.push(above(key, literals(plan, lower)!))
      return ask(conditions, `${orderBy(key)} LIMIT 1 OFFSET ${offset}`)
    },
  }
}

/** The query by which the next bound of a split is found; null for a table that is one split. */
function splitSql(plan: Plan): string | null {
  if (plan.key === null) return null
  const key = keyColumns(plan)
  const present = rangeConditions(key, { lower: null, upper: null }, plan.where)
  const names = key.map(({ sql }) => sql).join(', ')
  return `SELECT ${names} FROM ${sourceTable(plan)}${whereClause(present)}${orderBy(key)} LIMIT 1 OFFSET ${plan.splitRows}`
}

/** The source with its split key's index: left to itself, the optimizer sometimes prefers a full scan and a sort. */
function sourceTable(plan: Plan): string {
  const table = identifier(plan.source.table)
  return plan.key === null ? table : `${table} FORCE INDEX (${identifier(plan.key.name)})`
}

function keyColumns(plan: Plan): SqlKeyColumn[] {
  return (plan.key?.columns ?? []).map((column) => ({
    sql: identifier(column.name),
    nullable: column.nullable,
    ...keyOrder(column),
  }))
}

function literals(plan: Plan, bound: KeyValue | null): string[] | null {
  return bound && bound.map((value, i) => keyLiteral(plan.key!.columns[i]!, value))
}
