import type { WriteFacts } from './write-facts.js'
import type { Message, WriteSpec, WritePlan } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { plannedFacts } from './create-table-plan.js'
import { checkEngine, isTransactional } from './engines.js'
import { mapError } from './errors.js'
import { tryCreation } from './create.js'
import { checkWritable } from './preflight.js'
import type { TableFacts } from './engines.js'
import { describeFacts } from './schema.js'
import type { ServerFacts } from './server.js'
import { serverFacts } from './server.js'
import { leniently } from './lenient-ddl.js'
import { insertKeepsBytes, isMysql, loadKeepsBytes } from './probe-path.js'
import { dropStagingSql, stagingSql } from './statements.js'

interface WritingServer extends ServerFacts {
  readonly localInfile: boolean
  readonly autoincLockMode: number
  readonly binlogFormat: string
}

/**
 * Chooses between bulk executions of a prepared INSERT, `LOAD DATA LOCAL` and multi-row `INSERT`. Bulk executions cost the server
 * least, but only MariaDB has them. LOAD DATA is cheaper than INSERT, but it is often switched off, and under
 * innodb_autoinc_lock_mode 0 or 1 it holds the table's AUTO-INC lock to the end of the statement, so that parallel loads run one
 * after another.
 */
export async function planWrite(session: Session, spec: WriteSpec, asked: string | null): Promise<WritePlan> {
  const server = await writingServer(session)
  const facts = spec.create ? plannedFacts(spec.create) : await describeFacts(session, spec.table.table)
  const { uniqueKeys } = facts
  const warnings = checkEngine(spec, facts)
  if (spec.create) await tryCreation(session, spec.table.table, spec.create.statements)
  await checkWritable(session)
  const { path, reason } = await provenPath(
    session,
    server,
    choosePath(session, server, { ...facts, spec }, asked),
    asked,
  )
  const staging = await chooseStaging(session, spec, { path, uniqueKeys })
  const transactional = isTransactional(facts.engine)
  return {
    path,
    reasons: [`write path ${path}: ${reason}`, ...binaryLog(server, spec), ...staging.reasons],
    warnings,
    ...(path === 'load-data' ? {} : { maxRowBytes: server.maxAllowedPacket }),
    // An empty binary cell, one byte in a batch, becomes ",_binary''" in an INSERT.
    maxBatchBytes: Math.floor(server.maxAllowedPacket / 12),
    ...(transactional ? {} : { unmarked: `engine ${facts.engine} has no transactions` }),
    facts: {
      mariadb: server.mariadb,
      maxAllowedPacket: server.maxAllowedPacket,
      transactional,
      savepoints:
        transactional &&
        !(path !== 'load-data' && facts.engine === 'InnoDB' && failsWhole(spec) && !staging.staged),
      rowAlias: knowsRowAlias(server),
      uniqueKeys,
      staged: staging.staged,
      readCommitted: spec.writeMode !== 'insert' && server.binlogFormat !== 'STATEMENT',
    } satisfies WriteFacts,
  }
}

/**
 * `ignore` and `upsert` by LOAD DATA need a staging table, since LOAD knows neither; so do targets with several unique
 * keys, where ON DUPLICATE KEY UPDATE would touch a row that only shares another key.
 */
async function chooseStaging(
  session: Session,
  { writeMode, table, create, columns, identity }: WriteSpec,
  { path, uniqueKeys }: { path: string; uniqueKeys: number },
): Promise<{ staged: boolean; reasons: readonly Message[] }> {
  if (identity === null || writeMode === 'insert' || writeMode === 'replace')
    return { staged: false, reasons: [] }
  const key = identity.join(', ')
  if (path !== 'load-data' && uniqueKeys === 1) {
    return {
      staged: false,
      reasons: [`write mode ${writeMode}: rows are matched by the key (${key}), in the INSERT itself`],
    }
  }
  const why =
    uniqueKeys > 1
      ? '{table} has {uniqueKeys} unique keys, and only a row with the same ({key}) is the same row'
      : 'LOAD DATA fills it, and rows that are there are found when it is merged'
  if (create === null) {
    await tryStaging(
      session,
      table.table,
      columns.map((column) => column.target.name),
    )
  }
  const text = `write mode ${writeMode} by a temporary staging table: ${why}`
  return { staged: true, reasons: [{ text, slots: { key, uniqueKeys: String(uniqueKeys) } }] }
}

/** Only this session sees a temporary table, so that trying to make one changes nothing. */
async function tryStaging(session: Session, table: string, columns: readonly string[]): Promise<void> {
  try {
    for (const sql of stagingSql(table, columns)) await leniently(session, sql)
    await session.query(dropStagingSql(table))
  } catch (error) {
    throw mapError(error, `making a temporary staging table like ${table} (this write mode needs one here)`, {
      table,
    })
  }
}

/**
 * Whether an INSERT stores every row without a warning or fails, and then leaves nothing behind by itself. Warnings come
 * of values that may not fit, and of columns that the target makes itself.
 */
function failsWhole({ columns, table }: WriteSpec): boolean {
  const fits = columns.every(({ check }) => check.conversion === 'exact' || check.conversion === 'widening')
  const read = columns.every(({ computedBy }) => computedBy === undefined)
  return fits && read && columns.length === table.columns.length
}

interface Path {
  readonly path: 'load-data' | 'insert' | 'bulk'
  readonly reason: string
}

/** MySQL and MariaDB are tested; any other server shows what it does with bytes, before a row moves. */
async function provenPath(
  session: Session,
  server: WritingServer,
  chosen: Path,
  asked: string | null,
): Promise<Path> {
  const { release, comment } = server
  if (isMysql(release, comment)) return chosen
  if (chosen.path === 'load-data') {
    if (await loadKeepsBytes(session)) {
      return { ...chosen, reason: `${chosen.reason}; ${comment} stored all 256 bytes in a trial` }
    }
    const why = `${comment} did not store all 256 bytes of a trial load unchanged, or has no temporary tables to try one in`
    if (asked === 'load-data') {
      throw new RowshiftError(
        'PARAMS_INVALID',
        `params.write_path is "load-data", but ${why}. Use "auto" or "insert".`,
      )
    }
    return provenPath(session, server, { path: 'insert', reason: why }, asked)
  }
  if (await insertKeepsBytes(session)) return chosen
  throw new RowshiftError(
    'SERVER_ERROR',
    `The target server (${comment}, version ${release}) does not read string literals as MySQL does: a trial value of all 256 bytes came back changed. rowshift cannot write to it exactly. Nothing was written.`,
  )
}

/** Why the server cannot execute a prepared INSERT with many rows of parameters; null: it can. */
function bulkObstacle(
  session: Session,
  { mariadb, comment, release, version, binlogFormat }: WritingServer,
  { triggers }: TableFacts,
): string | null {
  // In older versions triggers see only the first row of such an execution.
  if (!session.takesBulk || !mariadb || version < 100_600) {
    return `the target server (${comment}, version ${release}) does not offer bulk executions of prepared statements, which MariaDB has from 10.6 on and a proxy may hide`
  }
  if (binlogFormat === 'STATEMENT')
    return 'the target server has binlog_format=STATEMENT, with which MariaDB refuses bulk executions'
  if (triggers)
    return 'the target has triggers, and MariaDB counts the rows that these write among those of a bulk execution'
  return null
}

function choosePath(
  session: Session,
  server: WritingServer,
  target: TableFacts & { spec: WriteSpec },
  asked: string | null,
): Path {
  const transactional = isTransactional(target.engine)
  if (asked === 'load-data') {
    if (!transactional) {
      throw new RowshiftError(
        'PARAMS_INVALID',
        `params.write_path is "load-data", but the target's engine ${target.engine} cannot roll back a load that is not clean. Use "auto" or "insert".`,
      )
    }
    if (server.localInfile) return { path: 'load-data', reason: 'asked for by write_path' }
    throw new RowshiftError(
      'PARAMS_INVALID',
      'params.write_path is "load-data", but the target server has local_infile=OFF. Set local_infile=ON there, or use "auto" or "insert".',
    )
  }
  if (asked === 'bulk') {
    const obstacle = bulkObstacle(session, server, target)
    if (obstacle === null) return { path: 'bulk', reason: 'asked for by write_path' }
    throw new RowshiftError(
      'PARAMS_INVALID',
      `params.write_path is "bulk", but ${obstacle}. Use "auto", "insert" or "load-data".`,
    )
  }
  if (asked === 'insert') return { path: 'insert', reason: 'asked for by write_path' }
  if (target.spec.fewRows) return { path: 'insert', reason: 'rows come a few at a time' }
  if (target.spec.largeRows && transactional && server.localInfile) {
    return {
      path: 'load-data',
      reason:
        'a row is larger than max_allowed_packet of the target, which limits any statement but not what a load sends',
    }
  }
  if (transactional && bulkObstacle(session, server, target) === null)
    return { path: 'bulk', reason: 'MariaDB takes many rows for one prepared INSERT, which costs it least' }
  if (!server.localInfile) return { path: 'insert', reason: withoutLoad(session, server, target) }
  if (!transactional) {
    return {
      path: 'insert',
      reason: `engine ${target.engine} cannot roll back, and INSERT stops at the first bad row`,
    }
  }
  if (
    target.spec.threads > 1 &&
    target.autoIncrement &&
    server.autoincLockMode < 2 &&
    target.engine === 'InnoDB'
  ) {
    return {
      path: 'insert',
      reason: `the target has an AUTO_INCREMENT column and innodb_autoinc_lock_mode=${server.autoincLockMode}, under which parallel LOAD DATA statements wait for each other`,
    }
  }
  return {
    path: 'load-data',
    reason: 'the target server allows local_infile and nothing makes loads wait for each other',
  }
}

/** MySQL has one unless it is told not to. */
function binaryLog({ mariadb, binlogFormat }: WritingServer, { fewRows }: WriteSpec): string[] {
  if (mariadb || binlogFormat === 'none' || fewRows) return []
  return [
    'the rows also go to the binary log of the target server, which is about a fifth of the CPU that a load takes there. Where no replica and no backup is to have them, "session": ["SET SESSION sql_log_bin = 0"] leaves them out, by users with BINLOG_ADMIN or SUPER at both ends',
  ]
}

/** With the statement that allows LOAD DATA, where that would be the way. */
function withoutLoad(
  session: Session,
  server: WritingServer,
  target: Parameters<typeof choosePath>[2],
): string {
  const reason = 'the target server has local_infile=OFF'
  if (server.mariadb || choosePath(session, { ...server, localInfile: true }, target, null).path === 'insert')
    return reason
  return `${reason}, and INSERT takes about 1.5 times the CPU that LOAD DATA takes there: SET GLOBAL local_infile = ON allows it, by a user with SYSTEM_VARIABLES_ADMIN`
}

function knowsRowAlias({ mariadb, version }: ServerFacts): boolean {
  return !mariadb && version >= 80_019
}

const known = new WeakMap<Session, Promise<WritingServer>>()

/** Of many tables, the first one asks for all. */
function writingServer(session: Session): Promise<WritingServer> {
  const facts = known.get(session) ?? askServer(session)
  known.set(session, facts)
  return facts
}

async function askServer(session: Session): Promise<WritingServer> {
  const facts = await serverFacts(session)
  const sql = `SELECT @@local_infile, @@innodb_autoinc_lock_mode, IF(@@log_bin, @@binlog_format, 'none')`
  const rows = await session.query(sql).catch((error: unknown) => {
    throw mapError(error, `asking ${session.where} for its settings`)
  })
  const [localInfile, lockMode, binlogFormat] = rows[0]!
  return {
    ...facts,
    localInfile: localInfile === '1',
    autoincLockMode: Number(lockMode),
    binlogFormat: binlogFormat!,
  }
}
