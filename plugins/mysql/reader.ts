import type { Digest, DigestForms, Endpoint, ReadSpec, Split } from '../../src/contract/plugin.js'
import { selectSql, splitRows } from '../../src/sql/select.js'
import type { SqlSource } from '../../src/sql/sql-source.js'
import type { Session } from './connection.js'
import { defineTable, wideColumns } from './definition.js'
import { derive } from './derive.js'
import { digestForms, digestOf, digestSelect, rowDigest } from './digest.js'
import { explainQuery } from './explain.js'
import { checkSource } from './preflight.js'
import { describeTable, listTables } from './schema.js'
import { serverLoad } from './server-load.js'
import { lockWrites } from './snapshot.js'
import { tableState } from './table-state.js'
import { checkWhere } from './user-sql.js'
import { windowSource } from './window.js'
import { computed, inUtc, openInZone, zoneWarnings } from './zones.js'

/** Of a sampled row's digest. */
const SAMPLE_DIGITS = 16

export function mysqlSource(endpoint: Endpoint): SqlSource<Session> {
  return {
    open: (at, signal) => openInZone(at, { signal }),
    describe: async (session, table) => inUtc(endpoint, await describeTable(session, table)),
    tables: listTables,
    definition: defineTable,
    wide: wideColumns,
    checkWhere: (session, table, where) => checkWhere(session, endpoint, table, where),
    derive,
    check: async (session, spec, write, allColumns) => [
      ...(await checkSource(session, spec, write, allColumns)),
      ...(await zoneWarnings(session, endpoint, spec.table, computed(spec))),
    ],
    explain: explainQuery,
    state: tableState,
    load: serverLoad,
    sampleDigest,
    windows: windowSource,
    digests: { forms: digestForms, ofRows: rowDigest, ofSplit: splitDigest },
    beginSnapshot: lockWrites,
    joinSnapshot,
  }
}

async function sampleDigest(session: Session, spec: ReadSpec): Promise<string | null> {
  const forms = await digestForms(session, spec)
  if (forms === null) return null
  const best = forms.map(([first]) => first?.name ?? null)
  const { sql } = await rowDigest(session, spec, best)
  return `LEFT(${sql},${SAMPLE_DIGITS})`
}

async function splitDigest(
  session: Session,
  spec: ReadSpec,
  forms: DigestForms,
  split: Split,
): Promise<Digest | null> {
  const select = await digestSelect(session, spec, forms)
  const [row] = await session.query(selectSql({ select, ...splitRows(session.dialect, spec, split) }))
  return digestOf(row![0]!, row![1] ?? null)
}

async function joinSnapshot(session: Session): Promise<void> {
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT')
  session.inSnapshot = true
}
