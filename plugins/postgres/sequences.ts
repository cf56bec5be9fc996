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

/** Defaults that are the next number of a sequence, and nothing else. */
const NUMBERED = "^\\(?nextval\\('.*'::regclass\\)\\)?(::[a-z0-9(), ]+)?$"
/** What a sequence may have: a numeric column may also hold NaN and the infinities. */
const NUMBERS = 'BETWEEN -9223372036854775808 AND 9223372036854775807'

/** Those that the defaults of the number columns written take their numbers from. */
export async function sequencesOf(
  session: PostgresSession,
  { columns, table }: WriteSpec,
): Promise<Sequence[]> {
  const id = tableId(table.table)
  const rows = await session.query(
    `SELECT attname, seqrelid::regclass::text, (seqincrement > 0)::int,
            (has_sequence_privilege(seqrelid, 'SELECT') AND has_sequence_privilege(seqrelid, 'UPDATE') AND has_column_privilege(attrelid, attnum, 'SELECT'))::int
     FROM (SELECT refobjsubid AS num, objid AS seq FROM pg_depend WHERE refobjid = ${id} AND deptype = 'i'
           UNION SELECT adnum, d.refobjid FROM pg_attrdef a JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid WHERE adrelid = ${id} AND pg_get_expr(adbin, adrelid) ~ ${text(NUMBERED)}) AS uses
          JOIN pg_sequence ON seqrelid = seq JOIN pg_attribute ON attrelid = ${id} AND attnum = num AND atttypid NOT IN ('oid'::regtype, 'money'::regtype)`,
  )
  return rows
    .map(([column, name, rises, mayBeSet]) => ({
      column: column!,
      name: name!,
      rises: rises === '1',
      mayBeSet: mayBeSet === '1',
    }))
    .filter(({ column }) =>
      columns.some(
        ({ target: { kind, name } }) => name === column && (kind === 'integer' || kind === 'decimal'),
      ),
    )
}

/** COPY leaves them where they are, and the next row that is inserted without a number would get one that is taken. */
export async function setSequences(session: PostgresSession, spec: PlannedWrite): Promise<void> {
  for (const { column, name, rises, mayBeSet } of await sequencesOf(session, spec)) {
    if (!mayBeSet) continue
    const [edge, beyond, end] = rises ? ['max', '>', 'least(m, seqmax)'] : ['min', '<', 'greatest(m, seqmin)']
    await session.query(
      `SELECT setval(seqrelid, (${end})::bigint)
       FROM (SELECT ${edge}(${identifier(column)}) AS m FROM ${tableSql(spec.table.table)} WHERE ${identifier(column)} ${NUMBERS}) AS found, ${name} AS own, pg_sequence
       WHERE seqrelid = ${text(name)}::regclass AND (m ${beyond} last_value OR m = last_value AND NOT is_called)`,
    )
  }
}
