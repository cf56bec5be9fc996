/** `INSERT … SELECT`: rows that go from one table to another inside the database that holds both. */
import { randomInt } from 'node:crypto'
import type { ColumnMapping, InServerPlan, PlannedWrite, ReadSpec, Split } from '../../src/contract/plugin.js'
import { whereClause } from '../../src/sql/range.js'
import { splitRows, WHOLE } from '../../src/sql/select.js'
import type { CopiedRows, InServerPlanner, InServerSigns } from '../../src/sql/unseen-rows.js'
import { convertedColumn, deniedReason, dependsOnSession } from '../../src/sql/unseen-rows.js'
import { postgresDialect } from './dialect.js'
import { PARTS } from './schema.js'
import type { PostgresSession } from './session.js'
import { expressionOf, identifier, tableId, text } from './sql.js'
import { insertSql, mergeSql, namesOf } from './statements.js'

const FAMILY = 'postgres'
/** Of the numbers of an advisory lock. */
const NUMBERS = 2 ** 31
/** What SQL may ask about the session that it runs in. */
const WHO =
  "concat_ws(' ', quote_ident(session_user), quote_ident(current_user), current_setting('search_path'))"

/** A lock by numbers that nobody can guess: a session of the same database sees which process holds it, and one of another server does not. */
export const signs: InServerSigns<PostgresSession> = {
  family: FAMILY,
  async show(session, { table: { table } }) {
    const [first, second] = [randomInt(NUMBERS), randomInt(NUMBERS)]
    const [row] = await session.query(
      `SELECT pg_backend_pid(), ${WHO}, ${postgresDialect.knownName(table)},
         row_security_active(${tableId(table)})::int, pg_try_advisory_lock(${first}, ${second})`,
    )
    return {
      text: JSON.stringify([first, second, ...row!.slice(0, 4)]),
      release: async () => void (await session.query(`SELECT pg_advisory_unlock(${first}, ${second})`)),
    }
  },
}

export const inServerPlanner: InServerPlanner<PostgresSession> = { family: FAMILY, plan }

async function plan(
  session: PostgresSession,
  write: PlannedWrite,
  read: ReadSpec,
  sign: string,
): Promise<InServerPlan> {
  const [first, second, process, who, from, hides] = JSON.parse(sign) as [number, number, ...string[]]
  const [row] = await session.query(
    `SELECT (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = ${first} AND objid = ${second}
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
            ${WHO},
            (SELECT (NOT row_security_active(oid))::int FROM pg_class WHERE oid = to_regclass(${text(from!)})),
            ${storedHere(`to_regclass(${text(from!)})`)},
            ${write.create === null ? storedHere(tableId(write.table.table)) : '1'},
            (SELECT relhasrules::int FROM pg_class WHERE oid = ${tableId(write.table.table)})`,
  )
  const [holder, ownWho, isOpen, fromHere, toHere, hasRules] = row!
  const converted = convertedColumn(write, isCopied)
  const impossible = (reason: string) => ({ advice: 'impossible', reason }) as const
  if (holder !== process) return impossible('the ends are not one database of one server')
  if (isOpen !== '1' || hides !== '0' || fromHere !== '1' || toHere !== '1')
    return impossible(
      'both have to be plain tables, all of whose parts are stored in this database, and the source without row security',
    )
  if (converted) return impossible(`${converted.source.name} is not copied as it is, but converted`)
  if (write.writeMode === 'replace' || (write.writeMode === 'upsert' && write.facts['partitioned']))
    return impossible('rows that are there would have to be removed, or looked for in partitions')
  if (write.triggers?.length || hasRules === '1')
    return impossible('a trigger or a rule of the target may do something else with rows')
  if (dependsOnSession(read) && who !== ownWho)
    return impossible('"where" may mean something else for the user, or under the search path, of the target')
  const facts = { from }
  const planned = { ...write, inServer: facts }
  const denied = await deniedReason(session, () =>
    session.check(
      write.create === null ? copySql(planned, read, WHOLE) : `${selectSql(planned, read, WHOLE)} LIMIT 0`,
    ),
  )
  if (denied !== null) return impossible(denied)
  return { advice: 'better', reason: 'both ends are one database, and no row has to leave it', facts }
}

/** Whether all parts of a table are: none is temporary, or of another server. */
function storedHere(oid: string): string {
  return `(WITH RECURSIVE ${PARTS(oid)} SELECT bool_and(relkind IN ('r', 'p') AND relpersistence <> 't')::int
           FROM parts JOIN pg_class ON oid = part)`
}

/** Whether a value is stored as it is. */
function isCopied({ source, target }: ColumnMapping): boolean {
  if (source.kind !== target.kind) return false
  const free = [source, target].every(({ type }) =>
    /^(text|(varchar|character varying)(\(\d+\))?)$/.test(type),
  )
  return source.type === target.type || source.kind === 'integer' || free
}

/** Copies a split. Nothing in the server takes a row out of it: there are no triggers and rules. */
export async function copySplit(
  session: PostgresSession,
  write: PlannedWrite,
  read: ReadSpec,
  split: Split,
): Promise<CopiedRows> {
  const sql = copySql(write, read, split)
  if (write.writeMode === 'insert') {
    const rows = await session.run(sql)
    return { rows, counts: { rowsWritten: rows } }
  }
  const [row] = await session.query(sql)
  const [written, fresh, rows] = row!.map(Number) as [number, number, number]
  const rest = rows - written
  const counts =
    write.writeMode === 'ignore'
      ? { rowsSkipped: rest }
      : { rowsChanged: written - fresh, rowsUnchanged: rest }
  return { rows, counts: { rowsWritten: written, ...counts } }
}

function copySql(write: PlannedWrite, read: ReadSpec, split: Split): string {
  const rows = selectSql(write, read, split)
  return write.writeMode === 'insert'
    ? insertSql(write, namesOf(write), rows)
    : `WITH ${mergeSql(write, `(${rows}) AS source`)}`
}

/** The rows of a split, under the names of the target. */
function selectSql({ columns, inServer }: PlannedWrite, read: ReadSpec, split: Split): string {
  const values = columns.map(({ source, target }) => `${expressionOf(source)} AS ${identifier(target.name)}`)
  const { where } = splitRows(postgresDialect, read, split)
  return `SELECT ${values.join(', ')} FROM ${String(inServer!['from'])}${whereClause(where)}`
}
