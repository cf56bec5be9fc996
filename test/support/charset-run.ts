// Copies every code of every character set, between all pairs of servers by both write paths: the second table of docs/fidelity.md.
import { rmSync } from 'node:fs'
import { unmappedChecks } from '../../plugins/mysql/unmapped.js'
import type { WritePath } from './cases.js'
import { PAIRS, pathsInto } from './cases.js'
import { charsetsOf, codesOf, isOf, makeCodes, takenCodes } from './charset-codes.js'
import type { Row } from './context.js'
import { server } from './context.js'
import { TestDatabase, scratchFile } from './copying.js'
import { copyByEngine } from './engine.js'
import type { CharsetTable } from './fidelity-table.js'
import type { MysqlKind } from './servers.js'

const LABELS = { mysql: 'MySQL', mariadb: 'MariaDB' } as const
/** More than there are rows. */
const ALL = 1_000_000

/** What became of codes of one set. */
interface Fate {
  readonly arrived: number
  readonly refused: number
  readonly how: string
}

interface Side {
  readonly db: TestDatabase<MysqlKind>
  readonly charsets: readonly string[]
}

/** Resolves to every silent change, in words, and fills in the table. */
export async function runCharsets(table: CharsetTable): Promise<string[]> {
  const sides = { mysql: await fill('mysql'), mariadb: await fill('mariadb') }
  const faults: string[] = []
  for (const [from, to] of PAIRS) {
    const route = `${LABELS[from]} → ${LABELS[to]}`
    for (const path of pathsInto(to)) {
      for (const [charset, fate] of await sameSets(sides[from], sides[to], path, faults)) {
        table.add(charset, route, said(fate))
      }
    }
  }
  for (const side of Object.values(sides)) {
    const lost = await keepCharacters(side)
    for (const path of pathsInto(side.db.server.kind)) {
      for (const [charset, fate] of await intoUnicode(side, lost, path, faults)) {
        table.add(charset, `${LABELS[side.db.server.kind]} → utf8mb4`, said(fate))
      }
    }
  }
  return faults
}

function said({ arrived, refused, how }: Fate): string {
  return `${arrived}${how}${refused === 0 ? '' : `, ${refused} refused`}`
}

/** The source on a server: `t` has a block of codes in each row, in the column of their set. */
async function fill(kind: MysqlKind): Promise<Side> {
  const db = await TestDatabase.create(server(kind))
  const charsets = await charsetsOf(db)
  await makeCodes(db, charsets)
  await db.query(createTable('t', charsets))
  for (const charset of charsets) {
    const { single, whole } = codesOf(charset)
    if (single) await addCodes(db, 't', charset, '', 'block')
    if (!whole) continue
    await db.query(
      `SET sql_mode = ''; INSERT INTO t (charset, block, codes, c_${charset})
       SELECT charset, block, CHAR_LENGTH(CONVERT(code USING ${charset})), CONVERT(code USING ${charset})
       FROM whole WHERE charset = '${charset}' AND ${isOf(charset)}`,
    )
  }
  return { db, charsets }
}

function createTable(name: string, charsets: readonly string[], as?: string): string {
  const columns = charsets.map((charset) => `c_${charset} LONGTEXT CHARACTER SET ${as ?? charset}`)
  return `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (id INT AUTO_INCREMENT PRIMARY KEY, charset VARCHAR(20), block INT, codes INT, ${columns.join(', ')})`
}

/** The single codes that the set has, of which a condition is true; a row for each group. */
async function addCodes(
  db: TestDatabase<MysqlKind>,
  table: string,
  charset: string,
  condition: string,
  group: string,
  from = `k_${charset}`,
): Promise<void> {
  await db.query(
    `SET group_concat_max_len = 10000000, sql_mode = '';
     INSERT INTO ${table} (charset, block, codes, c_${charset})
     SELECT '${charset}', MIN(block), COUNT(*), CONVERT(GROUP_CONCAT(code ORDER BY code SEPARATOR '') USING ${charset})
     FROM ${from} WHERE TRUE ${condition} GROUP BY ${group}`,
  )
}

async function sameSets(from: Side, to: Side, path: WritePath, faults: string[]): Promise<Map<string, Fate>> {
  const common = from.charsets.filter((charset) => to.charsets.includes(charset))
  const first = await copy(from, 't', to, common, path)
  faults.push(...first.faults)
  const fates = fatesOf(first.rows, first.arrived, first.how)
  const refused = first.rows.filter(({ id }) => !first.arrived.has(id))
  if (refused.length === 0) return fates
  // Of a block that is refused, the codes that the other server has arrive, and each other one is refused.
  await from.db.query(createTable('rest', common))
  const expected = new Map<string, number>()
  for (const { charset, block } of refused) {
    const taken = await takenCodes(to.db, charset, block)
    if (codesOf(charset).whole) {
      if (taken.length > 0) faults.push(`${charset}: block ${block} is refused for some of its codes`)
      continue
    }
    const list = taken.length === 0 ? "''" : taken.map((code) => `x'${code}'`).join(', ')
    await addCodes(from.db, 'rest', charset, `AND block = ${block} AND code IN (${list})`, 'block')
    await addCodes(from.db, 'rest', charset, `AND block = ${block} AND code NOT IN (${list})`, 'code')
    expected.set(charset, (expected.get(charset) ?? 0) + taken.length)
  }
  const rest = await copy(from, 'rest', to, common, path)
  faults.push(...rest.faults)
  for (const [charset, fate] of fatesOf(rest.rows, rest.arrived, rest.how)) {
    if (fate.arrived !== expected.get(charset))
      faults.push(`${charset}: ${fate.arrived} of ${expected.get(charset)} codes arrived`)
    const whole = fates.get(charset)!
    fates.set(charset, {
      ...whole,
      arrived: whole.arrived + fate.arrived,
      refused: whole.refused - fate.arrived,
    })
  }
  return fates
}

/** Makes a table of the codes that the reader does not refuse when they go elsewhere; resolves to how many it refuses of each set. */
async function keepCharacters({ db, charsets }: Side): Promise<ReadonlyMap<string, number>> {
  const lost = new Map<string, number>()
  await db.query(createTable('kept', charsets))
  for (const charset of charsets) {
    const name = `c_${charset}`
    const refusal = conditionOf('c', charset)
    const { single, whole } = codesOf(charset)
    const copied = `SET sql_mode = ''; INSERT INTO kept (charset, block, codes, ${name}) SELECT charset, block, codes, ${name} FROM t WHERE charset = '${charset}'`
    if (refusal === null) {
      await db.query(copied)
      continue
    }
    if (single) {
      await addCodes(db, 'kept', charset, `AND NOT (${refusal})`, 'block')
      lost.set(charset, await count(db, `k_${charset} WHERE ${refusal}`))
    }
    if (!whole) continue
    // Most blocks have a character for each code or for none; only of the others each code is looked at.
    const inside = conditionOf(name, charset)!
    const blocks = `charset = '${charset}' AND block >= 1000`
    const none = `COALESCE(REPLACE(CONVERT(${name} USING utf8mb4), '?', ''), '') = ''`
    await db.query(`${copied} AND ${blocks} AND NOT (${inside})`)
    const empty = await db.value(
      `SELECT COALESCE(SUM(codes), 0) FROM t WHERE ${blocks} AND ${inside} AND ${none}`,
    )
    await db.query(
      `DROP TABLE IF EXISTS part; CREATE TABLE part (block INT, code VARBINARY(4), c VARCHAR(4) CHARACTER SET ${charset});
       INSERT INTO part (block, code) SELECT block, SUBSTRING(CONVERT(${name} USING binary), 1 + n * LENGTH(${name}) / codes, LENGTH(${name}) / codes)
       FROM t JOIN (SELECT a.d * 256 + b.d * 16 + c.d AS n FROM digit a JOIN digit b JOIN digit c) numbers ON n < codes
       WHERE ${blocks} AND ${inside} AND NOT (${none}); UPDATE part SET c = code`,
    )
    await addCodes(db, 'kept', charset, `AND NOT (${refusal})`, 'block', 'part')
    const some = await count(db, `part WHERE ${refusal}`)
    lost.set(charset, (lost.get(charset) ?? 0) + Number(empty) + some)
  }
  return lost
}

/** Every set into utf8mb4 of the same server: a code arrives as the character that the server has for it. */
async function intoUnicode(
  side: Side,
  lost: ReadonlyMap<string, number>,
  path: WritePath,
  faults: string[],
): Promise<Map<string, Fate>> {
  const { rows, arrived, faults: found, how } = await copy(side, 'kept', side, side.charsets, path, 'utf8mb4')
  faults.push(...found)
  const fates = fatesOf(rows, arrived, how)
  for (const [charset, fate] of fates) {
    if (fate.refused > 0)
      faults.push(`${charset} into utf8mb4: ${fate.refused} codes were refused that have a character`)
    fates.set(charset, { ...fate, refused: lost.get(charset) ?? 0 })
  }
  return fates
}

/** What the reader refuses of a column, in SQL; null: nothing. */
function conditionOf(name: string, charset: string): string | null {
  const column = {
    name,
    type: 'longtext',
    kind: 'text',
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: true,
  } as const
  return unmappedChecks({ ...column, valueRange: {}, collation: `${charset}_bin` })[0]?.condition ?? null
}

async function count(db: TestDatabase<MysqlKind>, from: string): Promise<number> {
  return Number(await db.value(`SELECT COUNT(*) FROM ${from}`))
}

interface Block {
  readonly id: string
  readonly charset: string
  readonly block: number
  readonly codes: number
}

interface Copied {
  readonly rows: readonly Block[]
  /** Ids of the rows that are in the target, byte for byte. */
  readonly arrived: ReadonlySet<string>
  readonly faults: readonly string[]
  readonly how: (charset: string) => string
}

/** Copies a table; rows that the target has otherwise are faults. */
async function copy(
  from: Side,
  table: string,
  to: Side,
  charsets: readonly string[],
  path: WritePath,
  as?: string,
): Promise<Copied> {
  const target = `${table}_copy`
  await to.db.query(createTable(target, charsets, as))
  const file = scratchFile('tsv')
  const names = charsets.map((charset) => `c_${charset}`)
  const result = await copyByEngine(from.db.url(table), to.db.url(target), {
    worker_num: 1,
    write_path: path,
    columns: ['id', 'charset', 'block', 'codes', ...names],
    where: `charset IN ('${charsets.join("','")}')`,
    error_limit: ALL,
    dirty_file: file,
  })
  for (const each of [file, `${file}.json`]) rmSync(each, { force: true })
  const seen = (own: boolean) => {
    const values = names.map(
      (name) => `CONVERT(${as && own ? `CONVERT(${name} USING ${as})` : name} USING binary)`,
    )
    return `SHA2(COALESCE(${values.join(', ')}), 256)`
  }
  const where = `WHERE charset IN ('${charsets.join("','")}')`
  const sent = await from.db.query(`SELECT id, charset, block, codes, ${seen(true)} FROM ${table} ${where}`)
  const got = await to.db.query(`SELECT id, ${seen(false)} FROM ${target}`)
  const there = new Map(got.map(([id, hash]) => [id!, hash!]))
  const where_ = `${LABELS[from.db.server.kind]} → ${LABELS[to.db.server.kind]} by ${path}`
  const changed = sent.filter(([id, , , , hash]) => there.has(id!) && there.get(id!) !== hash)
  const faults = changed.map(([, charset, block]) => `${where_}: ${charset}, block ${block} has changed`)
  if (result.error) faults.push(`${where_}: [${result.error.code}] ${result.error.message}`)
  const cells = (name: string) =>
    result.plan?.write.columns.find(({ source }) => source.name === name)?.source.cells
  return {
    rows: sent.map(blockOf),
    arrived: new Set(sent.flatMap(([id, , , , hash]) => (there.get(id!) === hash ? [id!] : []))),
    faults,
    how: (charset) => (cells(`c_${charset}`) === 'encoded' ? ' by bytes' : ''),
  }
}

function blockOf([id, charset, block, codes]: Row): Block {
  return { id: id!, charset: charset!, block: Number(block), codes: Number(codes) }
}

function fatesOf(
  rows: readonly Block[],
  arrived: ReadonlySet<string>,
  how: (charset: string) => string,
): Map<string, Fate> {
  const fates = new Map<string, Fate>()
  for (const { id, charset, codes } of rows) {
    const fate = fates.get(charset) ?? { arrived: 0, refused: 0, how: how(charset) }
    const came = arrived.has(id) ? codes : 0
    fates.set(charset, { ...fate, arrived: fate.arrived + came, refused: fate.refused + codes - came })
  }
  return fates
}
