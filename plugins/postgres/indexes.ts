import type { IndexStatements } from '../../src/sql/index-statements.js'
import type { PostgresSession } from './session.js'
import { tableId } from './sql.js'

/** What all statements that add indexes may sort in together, in kB. */
const MEMORY_KB = 256 << 10

/** Of the SQLSTATEs that begin with 42, the one that is not about what the statement names. */
const NO_RIGHTS = '42501'

/** CREATE INDEX locks out writers only, so that several run at the same time. */
export const postgresIndexes: IndexStatements<PostgresSession> = {
  /**
   * Those whose definition says all of them: not of partitioned tables (theirs are several indexes), of a tablespace of its own, clustered by, with a
   * comment or with statistics.
   */
  async secondary(session, table) {
    const rows = await session.query(
      `SELECT i.relname, pg_get_indexdef(indexrelid), format('DROP INDEX %I.%I', n.nspname, i.relname)
       FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
            JOIN pg_namespace n ON n.oid = i.relnamespace
       WHERE indrelid = ${tableId(table)} AND t.relkind = 'r' AND i.relkind = 'i' AND NOT i.relispartition
         AND indisvalid AND NOT (indisunique OR indisprimary OR indisexclusion OR indisreplident OR indisclustered)
         AND i.reltablespace = 0 AND obj_description(indexrelid, 'pg_class') IS NULL
         AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indexrelid AND attstattarget >= 0)
         AND NOT EXISTS (SELECT FROM pg_depend WHERE refobjid = indexrelid OR objid = indexrelid AND deptype = 'e')
       ORDER BY indexrelid`,
    )
    return rows.map(([name, add, drop]) => ({ name: name!, add: add!, drop: drop! }))
  },
  async names(session, table) {
    const rows = await session.query(
      `SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = ${tableId(table)} AND indisvalid`,
    )
    return rows.map(([name]) => name!)
  },
  drop: (_table, indexes) => indexes.map(({ drop }) => drop),
  async briefly(session, work) {
    await session.query("SET LOCAL lock_timeout = '1s'")
    await work()
  },
  steps: (indexes) => indexes.map((index) => [index]),
  add: (_table, step) => step.map(({ add }) => add),
  isRefusal({ details }) {
    const state = details['sqlstate']
    return typeof state === 'string' && state.startsWith('42') && state !== NO_RIGHTS
  },
  together: true,
  async hurry(session, share) {
    const memory = Math.floor(MEMORY_KB / share)
    await session.query(
      `SELECT set_config('maintenance_work_mem', greatest(setting::bigint, ${memory})::text, false)
       FROM pg_settings WHERE name = 'maintenance_work_mem'`,
    )
  },
}
