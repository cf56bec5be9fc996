import { createHash } from 'node:crypto'
import type { Column } from '../../src/contract/plugin.js'
import type { DigestSql, WrittenFormat } from '../../src/sql/row-digest.js'
import type { Session } from './connection.js'
import { mapError } from './errors.js'
import { serverFacts } from './server.js'
import { charsetOf, expressionOf, isReversible, memberNumber } from './sql.js'
import { mappedText } from './unmapped.js'

/**
 * How values are written to be hashed. Everything that may hold a byte above 127 is BINARY: texts of two collations would make the
 * whole row text, and bytes that are not characters would become `?`. Floats stand there by their bits, which `POINT()` shows: the two
 * servers print some of them differently, and MySQL prints no more than 22 characters. SHA2() is the one strong hash that MySQL
 * 9.7 has left; docs/verify.md has what each part costs.
 */
const NO_SUCH_FUNCTION = 1305
const FEATURE_DISABLED = 1289

/** MySQL has JSON_TABLE from 8.0.4 on. */
const JSON_TABLE_VERSION = 80_004

/** What JSON text that a server parses can become; everything else was put into the document by SQL. */
const PARSED_TYPES = "'OBJECT','ARRAY','STRING','INTEGER','DOUBLE','BOOLEAN','NULL'"

/** What a server that can compute digests says of itself. */
interface DigestServer {
  /** `9.7`: what a server prints may differ between releases. */
  readonly release: string
  readonly typesOfJson: boolean
}

const servers = new WeakMap<Session, Promise<DigestServer | null>>()

/** Asked once per session. null: the server computes something else than other servers do, or lacks a function. */
function serverOf(session: Session): Promise<DigestServer | null> {
  const known = servers.get(session) ?? askServer(session)
  servers.set(session, known)
  return known
}

async function askServer(session: Session): Promise<DigestServer | null> {
  const sample =
    "SHA2(CONCAT(1,';',POINT(-1.25e0,0),COALESCE(NULL,'N'),CAST(_utf8mb4 x'C3A9' AS BINARY)),256)"
  const rows = await session.query(`SELECT ${sample}`).catch((error: { errno?: number }) => {
    if (error.errno === NO_SUCH_FUNCTION || error.errno === FEATURE_DISABLED) return null
    throw mapError(error, `asking ${session.where} for a digest`)
  })
  if (rows?.[0]?.[0] !== sampleHash()) return null
  const { mariadb, version } = await serverFacts(session)
  const release = `${Math.floor(version / 10_000)}.${Math.floor(version / 100) % 100}`
  return { release, typesOfJson: !mariadb && version >= JSON_TABLE_VERSION }
}

function sampleHash(): string {
  const point = Buffer.alloc(25)
  point.writeUInt8(1, 4)
  point.writeUInt32LE(1, 5)
  point.writeDoubleLE(-1.25, 9)
  return createHash('sha256').update('1;').update(point).update('Né').digest('hex')
}

/** null: the server computes no digests. */
export async function digestSql(session: Session): Promise<DigestSql | null> {
  const server = await serverOf(session)
  if (server === null) return null
  return {
    formats: (column) => written(column, server),
    // NULL for a row that is longer than max_allowed_packet.
    concat: (parts) => `CONCAT(${parts.join(',')})`,
    sha256: (bytes) => `SHA2(${bytes},256)`,
    first64Bits: (digits) => `CAST(CONV(LEFT(${digits},16),16,10) AS UNSIGNED)`,
  }
}

function written(column: Column, server: DigestServer): WrittenFormat[] {
  const { type, kind, valueRange } = column
  const sql = expressionOf(column)
  const zerofill = /zerofill/i.test(type)
  switch (kind) {
    case 'integer':
    case 'boolean':
      // ZEROFILL and YEAR are padded to a width that is not part of the value.
      return [{ name: 'integer', sql: zerofill || /^year/i.test(type) ? `(${sql}+0)` : sql }]
    case 'decimal':
      return [{ name: `decimal(${valueRange.scale})`, sql: zerofill ? `(${sql}+0)` : sql }]
    case 'float': {
      const bits = { name: 'float64', sql: `POINT(${sql},0)` }
      // −0 + 0 is 0.
      const unsignedZero = { name: 'float64 without the sign of zero', sql: `POINT(${sql}+0e0,0)` }
      return valueRange.unsignedZero ? [unsignedZero] : [bits, unsignedZero]
    }
    case 'date':
      return [{ name: 'date', sql }]
    case 'time':
    case 'datetime':
    case 'instant':
      return [{ name: `${kind}(${valueRange.fractionDigits})`, sql }]
    case 'bytes':
      if (valueRange.maxBits !== undefined) return [{ name: 'bits', sql: `(${sql}+0)` }]
      return [bytes(valueRange.padded ? `binary(${valueRange.maxBytes})` : 'bytes', sql)]
    case 'json':
      return valueRange.normalised ? json(sql, server) : texts(column, sql)
    case 'text':
      return texts(column, sql)
    default:
      return kind satisfies never
  }
}

function bytes(name: string, sql: string): WrittenFormat {
  return { name, sql: binary(sql), length: `LENGTH(${sql})` }
}

function binary(sql: string): string {
  return `CAST(${sql} AS BINARY)`
}

/** ENUM and SET by number where both ends have the same members, texts by their own bytes where both have the same character set. */
function texts(column: Column, sql: string): WrittenFormat[] {
  const charset = charsetOf(column)
  const { members, multiValued } = column.valueRange
  if (members !== undefined && column.sql === undefined) {
    const set = multiValued ? 'set' : 'enum'
    const number = { name: `${set} ${JSON.stringify(members)}`, sql: memberNumber(sql) }
    const ambiguous = members.includes('') || new Set(members).size < members.length
    return ambiguous ? [{ ...number, finer: true }] : [number, bytes('text', converted(column, sql))]
  }
  // MariaDB's own types without a character set: UUID, INET6.
  if (charset === null) return [bytes('text', `CAST(${sql} AS CHAR CHARACTER SET utf8mb4)`)]
  if (charset.startsWith('utf8')) return [bytes('text', sql)]
  const own = bytes(`bytes of ${charset}`, sql)
  return [isReversible(charset) ? own : { ...own, finer: true }, bytes('text', converted(column, sql))]
}

function converted(column: Column, sql: string): string {
  return mappedText(column) ?? `CONVERT(${sql} USING utf8mb4)`
}

/**
 * MySQL's JSON as it prints it, and the types in it that its text does not show: the date in `JSON_OBJECT('d', CURDATE())` is
 * printed like a string. A document says itself where it ends, so it needs no length.
 */
function json(sql: string, { release, typesOfJson }: DigestServer): WrittenFormat[] {
  const text = `CAST(${sql} AS CHAR CHARACTER SET utf8mb4)`
  if (!typesOfJson) return [bytes(`json of ${release}`, text)]
  const types =
    `COALESCE((SELECT JSON_OBJECTAGG(n,JSON_TYPE(v)) FROM JSON_TABLE(${sql},'$**[0]' COLUMNS(n FOR ORDINALITY,v JSON PATH '$')) j` +
    ` WHERE JSON_TYPE(v) NOT IN (${PARSED_TYPES})),'')`
  const name = `json of ${release} with types`
  return [{ name, finer: true, sql: binary(`CONCAT(${text},';',${types},';')`), length: "'J'" }]
}
