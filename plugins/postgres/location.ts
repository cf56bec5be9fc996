/** Tables without a key are divided by where their rows are stored: by whole blocks of 8 KiB, as a rule. */
import type { Column, ReadSpec } from '../../src/contract/plugin.js'
import type { KeyProbe, KeyValue } from '../../src/sql/splits.js'
import type { PostgresSession } from './session.js'
import { tableId, tableSql } from './sql.js'

export const CTID: Column = {
  name: 'ctid',
  type: 'tid',
  kind: 'text',
  nullable: false,
  hasDefault: false,
  generated: true,
  ordered: true,
  valueRange: {},
}

/** The first place of a block; rows begin at 1. */
const bound = (block: number): KeyValue => [`(${block},0)`]
const blockOf = ([position]: KeyValue): number => Number(/\d+/.exec(position!)![0])

export function locationProbe(session: PostgresSession, { key, table }: ReadSpec): KeyProbe | null {
  if (key?.columns[0]?.name !== CTID.name) return null
  let blocks = 0
  return {
    strategy: 'bounds by arithmetic: rows are divided by the block that they are stored in',
    first: async () => bound(0),
    async last() {
      // Whoever has looked at a table in a transaction keeps others from storing its rows elsewhere.
      await session.query(`SELECT 1 FROM ${tableSql(table.table)} LIMIT 0`)
      const size = `pg_relation_size(${tableId(table.table)}) / current_setting('block_size')::int`
      blocks = Number((await session.query(`SELECT ${size}`))[0]![0])
      return blocks === 0 ? null : bound(blocks)
    },
    async nth(lower, upper, offset) {
      blocks ||= blockOf(upper)
      const step = Math.max(1, Math.round(((offset + 1) * blocks) / (table.estimatedRows ?? blocks)))
      const next = (lower === null ? 0 : blockOf(lower)) + step
      return next < blockOf(upper) ? { key: bound(next), within: true } : null
    },
  }
}
