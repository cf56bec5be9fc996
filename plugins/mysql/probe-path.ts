/**
 * Whether a server that is neither MySQL nor MariaDB stores the bytes that it is sent. Such servers answer like MySQL and differ
 * where nobody looks: some take the bytes of a load for text in another character set, and report success. So facts, not
 * names: a value of all 256 bytes and a text go there, by the path that the rows would take, before a row moves.
 */
import type { Batch, Column } from '../../src/contract/plugin.js'
import { BatchBuilder } from '../../src/wire/builder.js'
import type { Session } from './connection.js'
import { loadSql } from './statements.js'
import type { Quoting } from './transcode.js'
import { InsertBuilder } from './transcode.js'

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
const TEXT = Buffer.from('a\\\t\n\r\0\'"%é数据📦')
const TABLE = 'rowshift_probe'

/** By the words of its makers. What is not on the list is only looked at more closely. */
export function isMysql(version: string, comment: string): boolean {
  return (
    /mariadb/i.test(version) ||
    /^(mysql|percona|source distribution|homebrew|\(?(debian|ubuntu))/i.test(comment)
  )
}

/** By INSERT: a variable is set to what stands in such a statement. */
export async function insertKeepsBytes(session: Session): Promise<boolean> {
  const arrivesIntact = async (value: Buffer, quoting: Quoting) => {
    const sql = new InsertBuilder('SET @rowshift_probe = ', [quoting]).build(rowOf(value))
    await session.send(sql!)
    const [row] = await session.query('SELECT HEX(@rowshift_probe)')
    return isHex(row?.[0], value)
  }
  return (await arrivesIntact(BYTES, 'bytes')) && (await arrivesIntact(TEXT, 'text'))
}

/** By LOAD DATA into a temporary table. False also where that cannot be tried. */
export async function loadKeepsBytes(session: Session): Promise<boolean> {
  const drop = `DROP TEMPORARY TABLE IF EXISTS ${TABLE}`
  try {
    await session.query(drop)
    await session.query(`CREATE TEMPORARY TABLE ${TABLE} (b BLOB, t LONGTEXT CHARACTER SET utf8mb4)`)
    for (const columns of [[column('b', 'bytes'), column('t', 'text')], [column('t', 'text')]]) {
      const pairs = columns.map((each) => ({ source: each, target: each }))
      const row = rowOf(...columns.map(({ kind }) => (kind === 'bytes' ? BYTES : TEXT)))
      await session.load(loadSql(pairs, TABLE, { mariadb: false, replace: false }), piece(row))
    }
    const rows = await session.query(`SELECT HEX(b), HEX(t) FROM ${TABLE}`)
    const bytes = rows.filter(([b]) => b !== null)
    return (
      rows.length === 2 &&
      bytes.length === 1 &&
      isHex(bytes[0]![0], BYTES) &&
      rows.every(([, t]) => isHex(t, TEXT))
    )
  } catch {
    return false
  } finally {
    await session.query(drop).catch(() => {})
  }
}

function column(name: string, kind: 'bytes' | 'text'): Column {
  return {
    name,
    kind,
    type: '',
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange: {},
  }
}

function rowOf(...cells: readonly Buffer[]): Batch {
  const builder = new BatchBuilder({ bytes: 4096, rows: 1 })
  for (const cell of cells) builder.appendBytes(cell)
  builder.endRow()
  return builder.take()!
}

async function* piece({ bytes }: Batch): AsyncGenerator<Buffer> {
  yield bytes
}

function isHex(cell: string | null | undefined, value: Buffer): boolean {
  return cell?.toLowerCase() === value.toString('hex')
}
