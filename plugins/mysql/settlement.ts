import type { PlannedWrite } from '../../src/contract/plugin.js'
import type { SettlementSteps } from '../../src/sql/settlement.js'
import type { Session } from './connection.js'
import { exchangeObstacle, exchangeSql, restoreChecksSql } from './exchange.js'
import { sendRows, SplitWrite } from './split-write.js'
import type { Statements } from './statements.js'

/** Rows that have waited for unique values go by the staging table. */
export function settlementSteps(session: Session, statements: Statements): SettlementSteps {
  const { spec } = statements
  const stage = statements.stage!
  const { merge: merging, park, remove, empty } = exchangeSql(spec, stage.merge)
  const run = (sql: string) => session.query(sql)
  return {
    async store(rows, tally) {
      const write = new SplitWrite(session, statements, tally)
      for (const batch of rows) await write.insert(batch)
    },
    obstacle: () => exchangeObstacle(session, spec),
    async exchange(rows, tally) {
      for (const batch of rows) await sendRows(session, statements, batch)
      await run(empty)
      await run(park)
      await run(stage.empty)
      try {
        for (const sql of remove) await run(sql)
      } finally {
        await run(restoreChecksSql)
      }
      const write = new SplitWrite(session, statements, tally, { merging })
      for (const batch of rows) await write.insert(batch)
    },
  }
}

/** What a settlement needs beside the table. */
export function settlementTables(spec: PlannedWrite, { stage }: Statements): readonly string[] {
  return exchangeSql(spec, stage!.merge).create
}
