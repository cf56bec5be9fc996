import type { SettlementSteps } from '../../src/sql/settlement.js'
import type { PostgresSession } from './session.js'
import { tableId } from './sql.js'
import type { WritingSession } from './split-write.js'
import { SplitWrite } from './split-write.js'

/** Rows that have waited for unique values go by the stage. */
export function settlementSteps(at: WritingSession): SettlementSteps {
  const { encoder, session, statements } = at
  const { spec } = statements
  const { empty, exchange } = statements.stage!
  return {
    async store(rows, tally) {
      const write = new SplitWrite(at, tally)
      for (const batch of rows) await write.insert(batch)
    },
    obstacle: () => obstacle(session, spec.table.table),
    async exchange(rows, tally) {
      await session.query(empty)
      const pieces = async function* (): AsyncGenerator<Buffer> {
        for (const batch of rows) yield encoder.encode(batch, spec)!
      }
      await session.load(statements.copy, pieces())
      await session.query(exchange.park)
      await session.run(exchange.remove)
      const merge = async () => {
        const rowsChanged = await session.run(exchange.insertOld)
        return { rowsWritten: rowsChanged + (await session.run(exchange.insertNew)), rowsChanged }
      }
      const write = new SplitWrite(at, tally, { merge })
      for (const batch of rows) await write.insert(batch)
    },
  }
}

/** What would notice that a row is deleted and inserted instead of being changed; null: nothing. */
async function obstacle(session: PostgresSession, table: string): Promise<string | null> {
  const [found] = await session.query(
    `SELECT concat('trigger ', tgname, ' runs when a row is deleted') FROM pg_trigger
      WHERE tgrelid = ${tableId(table)} AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 8 <> 0
     UNION ALL SELECT concat('rule ', rulename, ' runs when a row is deleted') FROM pg_rewrite WHERE ev_class = ${tableId(table)} AND ev_type = '4'
     UNION ALL SELECT concat('foreign key ', conname, ' of ', conrelid::regclass, ' refers to it') FROM pg_constraint WHERE confrelid = ${tableId(table)} AND contype = 'f'
     LIMIT 1`,
  )
  return found?.[0] ?? null
}
