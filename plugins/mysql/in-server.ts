/** `INSERT … SELECT`: rows that go from one table to another inside the server that holds both. */
import { randomBytes } from 'node:crypto'
import type { ColumnMapping, InServerPlan, PlannedWrite, ReadSpec, Split } from '../../src/contract/plugin.js'
import type { CopiedRows, InServerPlanner, InServerSigns } from '../../src/sql/unseen-rows.js'
import { convertedColumn, deniedReason, dependsOnSession } from '../../src/sql/unseen-rows.js'
import { whereClause } from '../../src/sql/range.js'
import { splitRows, WHOLE } from '../../src/sql/select.js'
import type { Session } from './connection.js'
import { duplicateCounts, figure, warnings } from './counts.js'
import { plannedFacts } from './create-table-plan.js'
import { mysqlDialect } from './dialect.js'
import { isMysql } from './probe-path.js'
import { describeFacts } from './schema.js'
import { serverFacts } from './server.js'
import { expressionOf, identifier, memberNumber, text } from './sql.js'
import type { WriteFacts } from './write-facts.js'

const FAMILY = 'mysql'
/** One statement after another takes half of what statements of rows from outside cost, so it takes more than two of those to be faster. */
const WORTH_WAITING = 2
/** What SQL may ask about the session that it runs in. */
const WHO = "CONCAT_WS(' ', QUOTE(USER()), QUOTE(CURRENT_USER()), DATABASE())"

/** The databases of both tables, as statements name them. */
interface InServerFacts extends Record<string, unknown> {
  readonly from: string
  readonly to: string
}

/** A lock with a name that nobody can guess: another connection to the same server sees which connection holds it, and no other server does. */
export const signs: InServerSigns<Session> = {
  family: FAMILY,
  async show(session) {
    const lock = `rowshift_${randomBytes(16).toString('hex')}`
    const [row] = await session.query(
      `SELECT GET_LOCK(${text(lock)}, 0), CONNECTION_ID(), DATABASE(), ${WHO}`,
    )
    const [, ...shown] = row!
    return {
      text: JSON.stringify([lock, ...shown]),
      release: async () => void (await session.query(`DO RELEASE_LOCK(${text(lock)})`)),
    }
  },
}

export const inServerPlanner: InServerPlanner<Session> = { family: FAMILY, plan }

async function plan(
  session: Session,
  write: PlannedWrite,
  read: ReadSpec,
  sign: string,
): Promise<InServerPlan> {
  const [lock, connection, from, who] = JSON.parse(sign) as [string, string, string, string]
  const [row] = await session.query(
    `SELECT IS_USED_LOCK(${text(lock)}), DATABASE(), ${WHO}, @@innodb_autoinc_lock_mode, IF(@@log_bin, @@binlog_format, 'none'),
            (SELECT CONCAT(TABLE_TYPE, ' ', ENGINE) FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = ${text(from)} AND TABLE_NAME = ${text(read.table.table)})`,
  )
  const [holder, to, ownWho, lockMode, binlogFormat, source] = row!
  const { release, comment } = await serverFacts(session)
  const facts = { from, to: to! } satisfies InServerFacts
  const target = write.create ? plannedFacts(write.create) : await describeFacts(session, write.table.table)
  const converted = convertedColumn(write, isCopied)
  const impossible = (reason: string) => ({ advice: 'impossible', reason }) as const
  if (holder !== connection || !isMysql(release, comment)) return impossible('the ends are not one server')
  if (source !== 'BASE TABLE InnoDB' || target.engine !== 'InnoDB')
    return impossible('both have to be plain InnoDB tables that the user of the target may see')
  if (converted) return impossible(`${converted.source.name} is not copied as it is, but converted`)
  if (write.identity !== null && (write.facts as WriteFacts).uniqueKeys > 1)
    return impossible('the target has several unique keys, and only rows with the same identity are the same')
  if (binlogFormat === 'STATEMENT')
    return impossible('under binlog_format=STATEMENT it would lock the rows of the source')
  if (dependsOnSession(read) && who !== ownWho)
    return impossible('"where" may mean something else for the user, or in the database, of the target')
  const denied = await deniedReason(session, () => tryCopy(session, { ...write, inServer: facts }, read))
  if (denied !== null) return impossible(denied)
  const waiting = target.autoIncrement && Number(lockMode) < 2
  if (waiting && (write.threads > WORTH_WAITING || write.path === 'bulk')) {
    const reason = `the target has an AUTO_INCREMENT column and innodb_autoinc_lock_mode=${lockMode}, under which parallel INSERT … SELECT statements wait for each other`
    return { advice: 'possible', reason, facts }
  }
  return { advice: 'better', reason: 'both ends are one server, and no row has to leave it', facts }
}

/** Whether a value is stored as it is, byte for byte, by a server that copies it between these two columns. */
function isCopied({ source, target }: ColumnMapping): boolean {
  if (source.kind !== target.kind || (source.cells === 'reversible' && source.kind === 'text')) return false
  if (source.collation !== target.collation) return false
  if (source.type.toLowerCase() === target.type.toLowerCase()) return true
  return source.kind === 'integer'
    ? source.valueRange.subtypes === undefined && target.valueRange.subtypes === undefined
    : isString(source.type) && isString(target.type)
}

/** Of a length that varies: nothing is cut off or padded. */
function isString(type: string): boolean {
  return /^(varchar|varbinary|(tiny|medium|long)?(text|blob))\b/i.test(type)
}

/** Has the server look at the statement. */
async function tryCopy(session: Session, write: PlannedWrite, read: ReadSpec): Promise<void> {
  const { from } = write.inServer as InServerFacts
  const columns = write.columns.map(({ source }) => expressionOf(source))
  const wanted = `SELECT ${columns.join(', ')} FROM ${identifier(from)}.${identifier(read.table.table)}`
  await session.query(`${wanted} LIMIT 0`)
  if (write.create === null) await session.check(insertSelect(write, read, WHOLE))
}

/** Copies a split; null where the server says that it did anything but store each row. */
export async function copySplit(
  session: Session,
  write: PlannedWrite,
  read: ReadSpec,
  split: Split,
): Promise<CopiedRows | null> {
  const ok = await session.send(Buffer.from(insertSelect(write, read, split)))
  const rows = figure(ok, 'Records')
  const counts = duplicateCounts(write.writeMode, ok, rows)
  return ok.info === '' || warnings(ok) > 0 || counts === null ? null : { rows, counts }
}

function insertSelect(write: PlannedWrite, read: ReadSpec, split: Split): string {
  const { from } = write.inServer as InServerFacts
  const { from: table, where } = splitRows(mysqlDialect, read, split)
  const columns = write.columns.map(({ target }) => identifier(target.name))
  const values = write.columns.map(({ source }) => valueOf(expressionOf(source), source.cells === 'numbered'))
  return (
    `${write.writeMode === 'replace' ? 'REPLACE' : 'INSERT'} INTO ${identifier(write.table.table)} (${columns.join(', ')}) ` +
    `SELECT ${values.join(', ')} FROM ${identifier(from)}.${table}${whereClause(where)}${onDuplicate(write, read)}`
  )
}

/** As text, a member may be taken for another one. */
function valueOf(sql: string, numbered: boolean): string {
  return numbered ? memberNumber(sql) : sql
}

/** What becomes of a row that is there; the target has one unique key. */
function onDuplicate(
  { columns, identity, inServer, table, writeMode }: PlannedWrite,
  read: ReadSpec,
): string {
  const { from, to } = inServer as InServerFacts
  const at = (database: string, name: string) => (column: string) =>
    [database, name, column].map(identifier).join('.')
  const [old, fresh] = [at(to, table.table), at(from, read.table.table)]
  const set = (name: string, value: string) => `${old(name)} = ${value}`
  if (writeMode === 'ignore') return ` ON DUPLICATE KEY UPDATE ${set(identity![0]!, old(identity![0]!))}`
  if (writeMode !== 'upsert') return ''
  // All of them, so that ON UPDATE CURRENT_TIMESTAMP leaves none to the clock.
  const all = columns.map(({ source, target }) =>
    set(target.name, valueOf(fresh(source.name), source.cells === 'numbered')),
  )
  return ` ON DUPLICATE KEY UPDATE ${all.join(', ')}`
}
