import type { PlanDraft, WritePlan } from '../../src/plugin.js'
import { RowshiftError } from '../../src/plugin.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { checkTarget } from './preflight.js'
import { describeFacts, isMariadb } from './schema.js'
import { text } from './sql.js'

/** What the writer wants to know again. */
export interface WriteFacts extends Record<string, unknown> {
  readonly mariadb: boolean
  readonly maxAllowedPacket: number
}

interface ServerFacts {
  readonly version: string
  readonly localInfile: boolean
  readonly autoincLockMode: number
  readonly maxAllowedPacket: number
}

/** Engines that can roll a split back. */
const TRANSACTIONAL = new Set(['InnoDB', 'ROCKSDB', 'TokuDB', 'ndbcluster'])

/**
 * Chooses between `LOAD DATA LOCAL` and multi-row `INSERT`. LOAD DATA is cheaper for the server, but it is often
 * switched off, and under innodb_autoinc_lock_mode 0 or 1 it holds the table's AUTO-INC lock to the end of the
 * statement, so that parallel loads run one after another.
 */
export async function planWrite(session: Session, draft: PlanDraft, writePath: string): Promise<WritePlan> {
  const server = await askServer(session)
  const { engine, autoIncrement } = await describeFacts(session, draft.target.table)
  const warnings: string[] = []
  if (engine !== null && !TRANSACTIONAL.has(engine)) {
    warnings.push(
      `Target table ${draft.target.table} uses engine ${engine}, which cannot roll back: rows of a failed split stay.`,
    )
  }
  const triggers = await insertTriggers(session, draft.target.table)
  warnings.push(...(await checkTarget(session, draft)))
  const { path, reason } = choosePath(
    server,
    { engine, autoIncrement, workerNum: draft.workerNum },
    writePath,
  )
  return {
    path,
    reasons: [`write path ${path}: ${reason}`],
    warnings,
    triggers,
    ...(path === 'insert' ? { maxRowBytes: server.maxAllowedPacket } : {}),
    // An empty binary cell, one byte in a batch, becomes ",_binary''" in an INSERT.
    maxBatchBytes: Math.floor(server.maxAllowedPacket / 12),
    facts: {
      mariadb: isMariadb(server.version),
      maxAllowedPacket: server.maxAllowedPacket,
    } satisfies WriteFacts,
  }
}

function choosePath(
  server: ServerFacts,
  target: { engine: string | null; autoIncrement: boolean; workerNum: number },
  asked: string,
): { path: 'load-data' | 'insert'; reason: string } {
  const transactional = target.engine === null || TRANSACTIONAL.has(target.engine)
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
  if (asked === 'insert') return { path: 'insert', reason: 'asked for by write_path' }
  if (!server.localInfile) return { path: 'insert', reason: 'the target server has local_infile=OFF' }
  if (!transactional) {
    return {
      path: 'insert',
      reason: `engine ${target.engine} cannot roll back, and INSERT stops at the first bad row`,
    }
  }
  if (
    target.workerNum > 1 &&
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

async function insertTriggers(session: Session, table: string): Promise<string[]> {
  const rows = await session
    .query(
      `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
       WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ${text(table)} AND EVENT_MANIPULATION = 'INSERT'`,
    )
    .catch((error: unknown) => {
      throw mapError(error, `looking for triggers of ${table}`)
    })
  return rows.map(([name]) => name!)
}

async function askServer(session: Session): Promise<ServerFacts> {
  const sql = `SELECT VERSION(), @@local_infile, @@innodb_autoinc_lock_mode, @@max_allowed_packet`
  const rows = await session.query(sql).catch((error: unknown) => {
    throw mapError(error, `asking ${session.where} for its settings`)
  })
  const [version, localInfile, lockMode, maxPacket] = rows[0]!
  return {
    version: version!,
    localInfile: localInfile === '1',
    autoincLockMode: Number(lockMode),
    maxAllowedPacket: Number(maxPacket),
  }
}
