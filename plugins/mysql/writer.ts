import type {
  Batch,
  Column,
  ColumnMapping,
  Endpoint,
  Plan,
  PlanDraft,
  TableSchema,
  WriteOptions,
  WritePlan,
  Writer,
} from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import { runStatements, Session } from './connection.js'
import { mapError, warningError } from './errors.js'
import { Guards } from './guards.js'
import { askRepertoire } from './repertoire.js'
import { describeTable } from './schema.js'
import { charsetOf, identifier } from './sql.js'
import type { Quoting } from './transcode.js'
import { InsertBuilder } from './transcode.js'
import type { OkResult } from './wire.js'
import type { WriteFacts } from './write-plan.js'
import { planWrite } from './write-plan.js'

export class MysqlWriter implements Writer {
  readonly #endpoint: Endpoint
  #session: Session | null = null
  #statements: Statements | null = null

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  async connect(): Promise<void> {
    await this.#open()
  }

  async describe(table: string): Promise<TableSchema> {
    return describeTable(await this.#open(), table)
  }

  async repertoire(column: Column): Promise<readonly (readonly [number, number])[]> {
    return askRepertoire(await this.#open(), charsetOf(column)!)
  }

  async plan(draft: PlanDraft, writePath: string): Promise<WritePlan> {
    return planWrite(await this.#open(), draft, writePath)
  }

  async prepare(plan: Plan, signal: AbortSignal): Promise<void> {
    await this.#run(plan, plan.preSql, '"pre_sql"', signal)
  }

  async finish(plan: Plan, signal: AbortSignal): Promise<void> {
    await this.#run(plan, plan.postSql, '"post_sql"', signal)
  }

  async write(plan: Plan, batches: AsyncIterable<Batch>, options: WriteOptions): Promise<number> {
    const session = await this.#open()
    this.#statements ??= new Statements(plan)
    const load = new SplitLoad(session, this.#statements, options)
    const stop = () => session.destroy()
    options.signal.addEventListener('abort', stop)
    try {
      const rows = await load.run(plan, batches)
      // From here on an abort must wait: a commit that is cut off may or may not have happened.
      options.signal.removeEventListener('abort', stop)
      if (options.signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted before the commit.')
      if (rows > 0) await commit(session)
      return rows
    } catch (error) {
      await this.#rollback(session)
      if (options.signal.aborted) throw new RowshiftError('INTERRUPTED', 'Interrupted while writing.')
      throw mapError(error, `writing table ${plan.target.table}`, { table: plan.target.table })
    } finally {
      options.signal.removeEventListener('abort', stop)
    }
  }

  async close(): Promise<void> {
    await this.#session?.close()
    this.#session = null
  }

  async #run(plan: Plan, statements: readonly string[], what: string, signal: AbortSignal): Promise<void> {
    const session = await this.#open()
    const stop = () => session.destroy()
    signal.addEventListener('abort', stop)
    try {
      await runStatements(session, withTable(plan, statements), what)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** A session that cannot even roll back is cut, which has the same effect. */
  async #rollback(session: Session): Promise<void> {
    await session.query('ROLLBACK').catch(() => {
      session.destroy()
      this.#session = null
    })
  }

  async #open(): Promise<Session> {
    this.#session ??= await Session.open(this.#endpoint)
    return this.#session
  }
}

async function commit(session: Session): Promise<void> {
  try {
    await session.query('COMMIT')
  } catch (thrown) {
    const { code, message, details } = mapError(thrown, 'committing')
    const doubt = `${message} This split may or may not be stored; look at the target before running again.`
    throw new RowshiftError(code, doubt, details, thrown)
  }
}

/** The SQL of a plan, made once per thread. */
class Statements {
  readonly table: string
  readonly load: string
  readonly insert: InsertBuilder
  readonly guards: Guards | null
  readonly maxAllowedPacket: number

  constructor(plan: Plan) {
    this.table = plan.target.table
    this.maxAllowedPacket = (plan.write.facts as WriteFacts).maxAllowedPacket
    this.guards = Guards.of(plan)
    this.load = loadSql(plan)
    const columns = plan.columns.map(({ target }) => identifier(target.name)).join(',')
    const prefix = `INSERT INTO ${identifier(plan.target.table)} (${columns}) VALUES `
    this.insert = new InsertBuilder(prefix, plan.columns.map(quoting))
  }
}

/** One split on its way into the target, inside a transaction that the writer ends. */
class SplitLoad {
  readonly #session: Session
  readonly #statements: Statements
  readonly #options: WriteOptions
  #rows = 0

  constructor(session: Session, statements: Statements, options: WriteOptions) {
    this.#session = session
    this.#statements = statements
    this.#options = options
  }

  async run(plan: Plan, batches: AsyncIterable<Batch>): Promise<number> {
    const iterator = batches[Symbol.asyncIterator]()
    const first = await iterator.next()
    if (first.done) return 0
    await this.#session.query('START TRANSACTION')
    const all = this.#checked(prepend(first.value, iterator))
    if (plan.write.path === 'insert') {
      for await (const batch of all) await this.#insert(batch)
    } else if (plan.writeBatch === null) {
      await this.#load(all)
    } else {
      for await (const batch of all) await this.#load([batch])
    }
    return this.#rows
  }

  async *#checked(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
    for await (const batch of batches) {
      this.#statements.guards?.check(batch)
      yield batch
    }
  }

  async #insert(batch: Batch): Promise<void> {
    const statement = this.#statements.insert.build(batch)
    if (statement.length >= this.#statements.maxAllowedPacket) throw tooLarge(statement.length)
    const ok = await this.#session.send(statement)
    if (ok.affectedRows !== batch.rows || warnings(ok) !== 0) await this.#refuse(ok, batch.rows)
    this.#count(batch.rows)
  }

  /**
   * LOCAL without REPLACE means IGNORE: bad values are altered and taken keys skipped, each with a warning, so that
   * anything but a clean count rolls the split back. REPLACE would be strict by itself, but it overwrites a row that
   * is equal to the one already there without counting it: of two equal rows one would be lost unnoticed.
   */
  async #load(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<void> {
    const before = this.#rows
    const ok = await this.#session.load(this.#statements.load, this.#bytesOf(batches))
    const sent = this.#rows - before
    const clean = number(ok, 'Records') === sent && number(ok, 'Deleted') === 0 && number(ok, 'Skipped') === 0
    if (!clean || warnings(ok) !== 0) await this.#refuse(ok, sent)
  }

  async *#bytesOf(batches: AsyncIterable<Batch> | Iterable<Batch>): AsyncGenerator<Buffer> {
    for await (const batch of batches) {
      yield batch.bytes
      this.#count(batch.rows)
    }
  }

  /** Explains a load or INSERT that was not clean, by the first warning, and lets the split be rolled back. */
  async #refuse(ok: OkResult, sent: number): Promise<never> {
    const [first] = warnings(ok) === 0 ? [] : await this.#session.query('SHOW WARNINGS LIMIT 1')
    if (first) throw warningError(Number(first[1]), first[2]!, this.#statements.table)
    throw new RowshiftError(
      'COUNT_MISMATCH',
      `${sent} rows were sent and table ${this.#statements.table} reported "${ok.info || `${ok.affectedRows} rows`}". The split was rolled back.`,
    )
  }

  #count(rows: number): void {
    this.#rows += rows
    this.#options.onProgress(this.#rows)
  }
}

/** The server would answer by closing the connection. */
function tooLarge(bytes: number): RowshiftError {
  return new RowshiftError(
    'ROW_TOO_LARGE',
    `A row makes a statement of ${bytes} bytes, more than the target's max_allowed_packet. Raise max_allowed_packet there.`,
    { bytes },
  )
}

async function* prepend(first: Batch, rest: AsyncIterator<Batch>): AsyncGenerator<Batch> {
  yield first
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

/** A figure of the OK packet's text. It is complete where the packet's own warning field stops at 65,535. */
function number(ok: OkResult, name: string): number {
  const match = new RegExp(`\\b${name}: (\\d+)`).exec(ok.info)
  return match ? Number(match[1]) : 0
}

function warnings(ok: OkResult): number {
  return ok.info === '' ? ok.warningStatus : number(ok, 'Warnings')
}

/** Numbers go in bare, which is shorter; but only into numbers, since a bare number means an ENUM's index. */
function quoting({ source, target }: ColumnMapping): Quoting {
  const numeric = (kind: string) => kind === 'integer' || kind === 'decimal'
  if (numeric(source.kind) && numeric(target.kind)) return 'number'
  return source.kind === 'bytes' ? 'bytes' : 'text'
}

/**
 * MySQL refuses raw bytes in a file declared utf8mb4, so there a table with binary columns is loaded as binary and its
 * text columns are converted by name. MariaDB takes raw bytes; but with a SET clause it gives a row with id 0 a new id
 * in spite of NO_AUTO_VALUE_ON_ZERO, so there no SET clause may appear.
 */
function loadSql(plan: Plan): string {
  const { mariadb } = plan.write.facts as WriteFacts
  const binary = !mariadb && plan.columns.some(({ source }) => source.kind === 'bytes')
  const conversions: string[] = []
  const columns = plan.columns.map(({ source, target }, i) => {
    const name = identifier(target.name)
    if (!binary || (source.kind !== 'text' && source.kind !== 'json')) return name
    conversions.push(`${name} = CONVERT(@v${i} USING utf8mb4)`)
    return `@v${i}`
  })
  return (
    `LOAD DATA LOCAL INFILE 'rowshift' INTO TABLE ${identifier(plan.target.table)}` +
    ` CHARACTER SET ${binary ? 'binary' : 'utf8mb4'}` +
    " FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'" +
    ` (${columns.join(', ')})${conversions.length === 0 ? '' : ` SET ${conversions.join(', ')}`}`
  )
}

function withTable(plan: Plan, statements: readonly string[]): string[] {
  return statements.map((sql) => sql.replaceAll(/@table\b/g, () => identifier(plan.target.table)))
}
