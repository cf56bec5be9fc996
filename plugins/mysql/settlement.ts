import type { BatchLimits } from '../../src/wire/builder.js'
import type { RefusedRow, Settlement } from '../../src/wire/settle.js'
import { settle, unsettled } from '../../src/wire/settle.js'
import type { Batch, TableCounts, WriteOptions } from '../../src/contract/plugin.js'
import { addCounts, nothingWritten } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import type { ExchangeSql } from './exchange.js'
import { exchangeObstacle, exchangeSql, restoreChecksSql } from './exchange.js'
import { holderOf } from './holder.js'
import { leniently } from './lenient-ddl.js'
import { insertStatement, SplitWrite } from './split-write.js'
import type { Statements } from './statements.js'

/** Rows that have waited for unique values on their way into the target, inside a transaction that the writer ends. */
export class MysqlSettlement implements Settlement {
  readonly limits: BatchLimits
  readonly #session: Session
  readonly #statements: Statements
  readonly #options: WriteOptions
  readonly #exchange: ExchangeSql
  #counts: TableCounts = nothingWritten
  #begun = false

  constructor(session: Session, statements: Statements, options: WriteOptions) {
    this.limits = statements.spec.batch
    this.#session = session
    this.#statements = statements
    this.#options = options
    this.#exchange = exchangeSql(statements.spec, statements.stage!.merge)
  }

  async run(rows: readonly Batch[]): Promise<TableCounts> {
    for (const sql of this.#exchange.create) await leniently(this.#session, sql)
    await settle(rows, this)
    return this.#counts
  }

  async upsert(rows: readonly Batch[]): Promise<readonly RefusedRow[]> {
    const refused: RefusedRow[] = []
    const write = new SplitWrite(
      this.#session,
      this.#statements,
      { ...this.#options, onDeferred: (row, error) => refused.push({ row, error }) },
      this.#statements.stage!.merge,
      1,
    )
    this.#add(await (this.#begun ? write.join(rows) : write.run(inOrder(rows))))
    this.#begun = true
    return refused
  }

  obstacle(): Promise<string | null> {
    return exchangeObstacle(this.#session, this.#statements.spec)
  }

  async exchange(rows: readonly Batch[]): Promise<readonly RefusedRow[]> {
    const refused: RefusedRow[] = []
    const { merge, park, remove, empty } = this.#exchange
    const run = (sql: string) => this.#session.query(sql)
    await run('SAVEPOINT rowshift_exchange')
    for (const batch of rows) await this.#session.send(insertStatement(this.#statements, batch))
    await run(empty)
    await run(park)
    await run(this.#statements.stage!.empty)
    try {
      for (const sql of remove) await run(sql)
    } finally {
      await run(restoreChecksSql)
    }
    // The old rows are gone: one that is refused for whatever reason must not be left out.
    const { onDeferred: _, ...options } = this.#options
    const write = new SplitWrite(
      this.#session,
      this.#statements,
      { ...options, onDirty: (row, error) => refused.push({ row, error }) },
      merge,
    )
    const counts = await write.join(rows)
    if (refused.length === 0) this.#add(counts)
    else await run('ROLLBACK TO SAVEPOINT rowshift_exchange')
    return refused
  }

  async refuse({ row, error }: RefusedRow, obstacle: string | null): Promise<void> {
    const { spec } = this.#statements
    const holder =
      error.code === 'DUPLICATE_KEY' ? await holderOf(this.#session, this.#statements, row) : null
    this.#options.onDirty(row, unsettled(spec, error, { holder, obstacle }))
    this.#add({ ...nothingWritten, dirtyRows: row.rows })
  }

  #add(counts: TableCounts): void {
    this.#counts = addCounts(this.#counts, counts)
  }
}

async function* inOrder(rows: readonly Batch[]): AsyncGenerator<Batch> {
  yield* rows
}
