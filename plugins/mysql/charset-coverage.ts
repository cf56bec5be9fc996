import type { Session } from './connection.js'
import { mapError } from './errors.js'

const SURROGATES = [0xd800, 0xdfff] as const
const LAST = 0xffff

/**
 * Which characters a character set has, as ranges of code points, by the server's own conversion: the tables that other
 * programs have of gbk or sjis differ from it here and there. Those above U+FFFF are in sets of all of Unicode only.
 */
export async function askCharsetCoverage(session: Session, charset: string): Promise<[number, number][]> {
  const all = Array.from({ length: LAST + 1 }, (_, code) => code).filter(
    (code) => code < SURROGATES[0] || code > SURROGATES[1],
  )
  const hex = Buffer.from(all.map((code) => String.fromCharCode(code)).join('')).toString('hex')
  const sql = `SELECT HEX(CONVERT(CONVERT(_utf8mb4 x'${hex}' USING ${charset}) USING utf8mb4))`
  const rows = await session.query(sql).catch((error: unknown) => {
    throw mapError(error, `asking ${session.where} for the characters of ${charset}`)
  })
  const there = Buffer.from(rows[0]![0]!, 'hex').toString()
  const ranges: [number, number][] = []
  for (const [i, code] of all.entries()) {
    if (there.charCodeAt(i) !== code) continue
    const last = ranges.at(-1)
    if (last?.[1] === code - 1) last[1] = code
    else ranges.push([code, code])
  }
  return ranges
}
