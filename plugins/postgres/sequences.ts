import type { PlannedWrite, WriteSpec } from '../../src/contract/plugin.js'
import type { PostgresSession } from './session.js'
import { identifier, tableId, tableSql, text } from './sql.js'

interface Sequence {
  readonly column: string
  /** As it stands in SQL. */
  readonly name: string
  readonly rises: boolean
  readonly mayBeSet: boolean
}

/** Those that the defaults of the columns written take their numbers from. */
export async function sequencesOf(
  session: PostgresSession,
  { columns, table }: WriteSpec,
): Promise<Sequence[]> {
  const id = tableId(table.table)
  const rows = await session.query(
    `SELECT attname, seqrelid::regclass::text, (seqincrement > 0)::int,
            (has_sequence_privilege(seqrelid, 'SELECT') AND has_sequence_privilege(seqrelid, 'UPDATE'))::int
     FROM (SELECT refobjsubid AS num, objid AS seq FROM pg_depend WHERE refobjid = ${id} AND deptype = 'i'
           UNION SELECT adnum, d.refobjid FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid WHERE adrelid = ${id}) AS uses
          JOIN pg_sequence ON seqrelid = seq JOIN pg_attribute ON attrelid = ${id} AND attnum = num`,
  )
  return rows
    .map(([column, name, rises, mayBeSet]) => ({
      column: column!,
      name: name!,
      rises: rises === '1',
      mayBeSet: mayBeSet === '1',
    }))
    .filter(({ column }) => columns.some(({ target }) => target.name === column))
}

/** COPY leaves them where they are, and the next row that is inserted without a number would get one that is taken. */
export async function setSequences(session: PostgresSession, spec: PlannedWrite): Promise<void> {
  for (const { column, name, rises, mayBeSet } of await sequencesOf(session, spec)) {
    if (!mayBeSet) continue
    const [edge, beyond, end] = rises ? ['max', '>', 'least(m, seqmax)'] : ['min', '<', 'greatest(m, seqmin)']
    await session.query(
      `SELECT setval(seqrelid, (${end})::bigint)
       FROM (SELECT ${edge}(${identifier(column)}) AS m FROM ${tableSql(spec.table.table)}) AS found, ${name} AS own, pg_sequence
       WHERE seqrelid = ${text(name)}::regclass AND (m ${beyond} last_value OR m = last_value AND NOT is_called)`,
    )
  }
}
