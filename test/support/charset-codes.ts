// All codes of a character set, by the server's own word, in rows of blocks.
import { query } from './context.js'
import type { TestDatabase } from './copying.js'

/** Candidates of character sets that are not Unicode: every code of one and two bytes, and those of three that Japanese has. */
const BYTES = '(SELECT a.d * 16 + b.d AS n FROM digit a JOIN digit b)'
const CANDIDATES = `
  CREATE TABLE digit (d INT);
  INSERT INTO digit VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),(12),(13),(14),(15);
  CREATE TABLE candidate (block INT, code VARBINARY(4));
  INSERT INTO candidate SELECT 0, UNHEX(LPAD(HEX(n), 2, '0')) FROM ${BYTES} x;
  INSERT INTO candidate SELECT a.n, UNHEX(LPAD(HEX(a.n * 256 + b.n), 4, '0')) FROM ${BYTES} a JOIN ${BYTES} b WHERE a.n >= 128;
  INSERT INTO candidate SELECT 256 + a.n, UNHEX(HEX(0x8F0000 + a.n * 256 + b.n)) FROM ${BYTES} a JOIN ${BYTES} b WHERE a.n >= 128 AND b.n >= 128;`

const POINTS = 0x11_0000
const BLOCK = 256

/** How code points are written; surrogates too, since some servers take them. */
const UNICODE: Readonly<Record<string, (point: number) => readonly number[]>> = {
  utf8mb4: utf8,
  utf8mb3: utf8,
  ucs2: (point) => [point >> 8, point & 255],
  utf16: (point) => units(point).flatMap((unit) => [unit >> 8, unit & 255]),
  utf16le: (point) => units(point).flatMap((unit) => [unit & 255, unit >> 8]),
  utf32: (point) => [0, point >> 16, (point >> 8) & 255, point & 255],
}
const BASIC = new Set(['utf8mb3', 'ucs2'])

/** SQL that is true of a code (or several) that the set has. */
export function isOf(charset: string): string {
  return `CONVERT(CONVERT(code USING ${charset}) USING binary) <=> code`
}

/**
 * Makes a table `k_<set> (block, code, c)` of each set's codes, one by one, as the server stores them in a column; and `whole`, with
 * blocks of those that have too many.
 */
export async function makeCodes(db: TestDatabase, charsets: readonly string[]): Promise<void> {
  await db.query(
    `${CANDIDATES} CREATE TABLE whole (charset VARCHAR(20), block INT, code LONGBLOB, KEY (charset, block));`,
  )
  for (const charset of charsets.filter((charset) => codesOf(charset).single)) {
    const text = `CONVERT(code USING ${charset})`
    const length = `(SELECT MAXLEN FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME = '${charset}')`
    await db.query(
      `SET sql_mode = '', @longest = ${length}; CREATE TABLE k_${charset} (block INT, code VARBINARY(4), c VARCHAR(4) CHARACTER SET ${charset});
       INSERT INTO k_${charset} SELECT block, code, ${text} FROM candidate WHERE LENGTH(code) <= @longest AND ${isOf(charset)} AND CHAR_LENGTH(${text}) = 1;
       DELETE FROM k_${charset} WHERE NOT (CONVERT(c USING binary) <=> code)`,
    )
  }
  for (const [charset, encode] of Object.entries(UNICODE)) {
    await insertBlocks(db, charset, unicodeBlocks(encode, BASIC.has(charset) ? 0x1_0000 : POINTS))
  }
  if (charsets.includes('gb18030')) await insertBlocks(db, 'gb18030', fourByteBlocks())
}

/** Where a set's codes stand: one by one, in blocks, or both. */
export function codesOf(charset: string): { readonly single: boolean; readonly whole: boolean } {
  return { single: !(charset in UNICODE), whole: charset in UNICODE || charset === 'gb18030' }
}

const known = new Map<string, Promise<string[]>>()

/** The codes of a block that another server has, as hexadecimal digits. */
export function takenCodes(db: TestDatabase, charset: string, block: number): Promise<string[]> {
  const key = `${db.server.kind} ${charset} ${block}`
  const taken = known.get(key) ?? askTakenCodes(db, charset, block)
  known.set(key, taken)
  return taken
}

async function askTakenCodes(db: TestDatabase, charset: string, block: number): Promise<string[]> {
  const from = codesOf(charset).whole
    ? `(SELECT SUBSTRING(code, 1 + n * LENGTH(code) / 256, LENGTH(code) / 256) AS code FROM whole
        JOIN (SELECT a.d * 16 + b.d AS n FROM digit a JOIN digit b) numbers WHERE charset = '${charset}' AND block = ${block}) k WHERE ${isOf(charset)}`
    : `k_${charset} WHERE block = ${block}`
  return (await db.query(`SELECT HEX(code) FROM ${from}`)).map(([hex]) => hex!)
}

export async function charsetsOf(db: TestDatabase): Promise<string[]> {
  const rows = await query(
    db.server,
    "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME <> 'binary' ORDER BY 1",
  )
  return rows.map(([name]) => name!)
}

async function insertBlocks(db: TestDatabase, charset: string, blocks: readonly Buffer[]): Promise<void> {
  for (let from = 0; from < blocks.length; from += BLOCK) {
    const rows = blocks
      .slice(from, from + BLOCK)
      .map((bytes, i) => `('${charset}', ${1000 + from + i}, x'${bytes.toString('hex')}')`)
    await db.query(`INSERT INTO whole VALUES ${rows.join(',')}`)
  }
}

function unicodeBlocks(encode: (point: number) => readonly number[], end: number): Buffer[] {
  return Array.from({ length: end / BLOCK }, (_, block) =>
    Buffer.from(Array.from({ length: BLOCK }, (_, i) => encode(block * BLOCK + i)).flat()),
  )
}

function fourByteBlocks(): Buffer[] {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const tails = range(0x81, 0xfe).flatMap((third) => range(0x30, 0x39).map((fourth) => [third, fourth]))
  return range(0x81, 0xfe).flatMap((first) =>
    range(0x30, 0x39).map((second) => Buffer.from(tails.flatMap((tail) => [first, second, ...tail]))),
  )
}

function utf8(point: number): number[] {
  const tail = (shift: number) => 0x80 | ((point >> shift) & 63)
  if (point < 0x80) return [point]
  if (point < 0x800) return [0xc0 | (point >> 6), tail(0)]
  if (point < 0x1_0000) return [0xe0 | (point >> 12), tail(6), tail(0)]
  return [0xf0 | (point >> 18), tail(12), tail(6), tail(0)]
}

function units(point: number): number[] {
  if (point < 0x1_0000) return [point]
  return [0xd800 + ((point - 0x1_0000) >> 10), 0xdc00 + (point & 0x3ff)]
}
