import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import type { SettlementSteps } from '../../src/sql/settlement.js'
import type { Tally } from '../../src/sql/tally.js'
import type { Binding } from './binds.js'
import type { Database, SqliteValue } from './driver.js'
import { exchangeObstacle, RowExchange } from './exchange.js'
import { rejectedRowError } from './row-errors.js'
import { SplitWrite } from './split-write.js'

export function settlementSteps(
  database: Database,
  spec: PlannedWrite,
  bindings: readonly Binding[],
): SettlementSteps {
  /** They were written or refused before, so each value can be bound. */
  const eachRow = (batch: Batch, use: (values: readonly SqliteValue[], row: Batch) => void) => {
    forEachRow(batch, (cells, start, end) => {
      const values = cells.map((cell, i) => (cell === null ? null : bindings[i]!.bind(cell)!))
      use(values, { bytes: batch.bytes.subarray(start, end), rows: 1 })
    })
  }
  const exchange = (rows: readonly Batch[], tally: Tally) => {
    const rowExchange = new RowExchange(database, spec, bindings)
    const parked: (number | bigint | null)[] = []
    for (const batch of rows) eachRow(batch, (values) => parked.push(rowExchange.takeAway(values)))
    let seen = 0
    const insert = (values: readonly SqliteValue[], row: Batch) => {
      const old = parked[seen++]!
      try {
        const rowsWritten = rowExchange.insert(values, old)
        tally.add({ rowsWritten, rowsChanged: old === null ? 0 : rowsWritten })
      } catch (thrown) {
        if (!database.inTransaction) throw thrown
        tally.reject(row, rejectedRowError(spec, row, thrown))
      }
    }
    for (const batch of rows) eachRow(batch, insert)
  }
  return {
    async store(rows, tally) {
      const write = new SplitWrite(database, spec, bindings, tally)
      for (const batch of rows) write.write(batch)
    },
    obstacle: async () => exchangeObstacle(database, spec),
    exchange: async (rows, tally) => exchange(rows, tally),
  }
}
