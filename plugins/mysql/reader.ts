import { BatchBuilder } from '../../src/batch/builder.js'
import type {
  Batch,
  Column,
  ColumnMapping,
  Endpoint,
  LossSearch,
  Plan,
  Reader,
  Split,
  TableSchema,
} from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import type { SqlKeyColumn } from '../../src/sql/range.js'
import { above, orderBy, rangeConditions, upTo, whereClause } from '../../src/sql/range.js'
import type { KeyProbe, KeyValue } from '../../src/sql/splits.js'
import { splitByKey } from '../../src/sql/splits.js'
import { Session } from './connection.js'
import { mapError } from './errors.js'
import { findLoss } from './loss-search.js'
import { checkSource } from './preflight.js'
import { describeTable } from './schema.js'
import { identifier, keyLiteral } from './sql.js'
import { RowTranscoder } from './transcode.js'
import { mappedText, unmappedError } from './unmapped.js'

/** Batches read but not yet taken, after which the server has to wait. */
const MAX_WAITING = 4

export class MysqlReader implements Reader {
  readonly #endpoint: Endpoint
  #session: Session | null = null

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  async connect(): Promise<void> {
    await this.#open()
  }

  async describe(table: string): Promise<TableSchema> {
    return describeTable(await this.#open(), table)
  }

  async findLoss(table: TableSchema, column: ColumnMapping, where: string | null): Promise<LossSearch> {
    return findLoss(await this.#open(), table, column, where)
  }

  async check(plan: Plan, allColumns: boolean): Promise<readonly string[]> {
    return checkSource(await this.#open(), plan, splitSql(plan), allColumns)
  }

  async *split(plan: Plan, signal: AbortSignal): AsyncIterable<Split> {
    const session = await this.#open()
    const stop = () => session.destroy()
    signal.addEventListener('abort', stop)
    try {
      yield* splitByKey(plan, keyProbe(session, plan))
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
      if (!ended) this.#drop()
    }
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
  readonly #transcoder = new RowTranscoder()
  readonly #waiting: Batch[] = []
  #wake: () => void = () => {}

  constructor(session: Session, plan: Plan, split: Split) {
    this.#session = session
    this.#sql = selectSql(plan, split)
    this.#columns = plan.columns.length
    this.#builder = new BatchBuilder(plan.batch)
  }

  async *batches(): AsyncGenerator<Batch> {
    let running = true
    const result = this.#session
      .readRows(this.#sql, (packet) => {
        this.#transcoder.append(this.#builder, packet, this.#columns)
        if (this.#builder.full) this.#push()
      })
      .finally(() => {
        running = false
        this.#wake()
      })
    // Awaited below; until then a rejection must not count as unhandled.
    result.catch(() => {})
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

  #push(): void {
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
  return `SELECT ${columns} FROM ${sourceTable(plan)}${whereClause(rangeConditions(key, range, plan.where))}`
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
  const cells = (plan.key?.columns ?? []).map((column) => {
    const name = identifier(column.name)
    return column.kind === 'bytes' ? `HEX(${name})` : name
  })
  const present = rangeConditions(key, { lower: null, upper: null }, plan.where)
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
  return (plan.key?.columns ?? []).map(({ name, nullable }) => ({ sql: identifier(name), nullable }))
}

function literals(plan: Plan, bound: KeyValue | null): string[] | null {
  return bound && bound.map((value, i) => keyLiteral(plan.key!.columns[i]!.kind, value))
}
