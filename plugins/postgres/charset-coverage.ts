import type { Characters } from '../../src/contract/plugin.js'
import type { SqlSession } from '../../src/sql/session.js'

type Ranges = NonNullable<Characters['ranges']>

/** Of the session, since the block below returns nothing. */
const FOUND = 'rowshift.characters'

/** The two encodings that have characters beyond U+FFFF without being all of Unicode. */
const LAST = "CASE WHEN getdatabaseencoding() IN ('EUC_TW', 'EUC_JIS_2004') THEN 196607 ELSE 65535 END"

/** An encoding lacks a character when the server's own conversion fails for it, which no plain SQL survives. */
const FIND = `DO $$ DECLARE
    first int; found text := '0-127'; utf8 text;
  BEGIN
    FOR code IN 128 .. ${LAST} + 1 LOOP
      utf8 := to_hex(CASE
        WHEN code < 2048 THEN 49280 + ((code >> 6) << 8) + (code & 63)
        WHEN code < 65536 THEN 14712960 + ((code >> 12) << 16) + (((code >> 6) & 63) << 8) + (code & 63)
        ELSE 4034953344 + ((code >> 18) << 24) + (((code >> 12) & 63) << 16) + (((code >> 6) & 63) << 8) + (code & 63) END);
      BEGIN
        PERFORM convert(decode(utf8, 'hex'), 'UTF8', getdatabaseencoding());
        first := coalesce(first, code);
      EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire THEN
        IF first IS NOT NULL THEN found := concat(found, ',', first, '-', code - 1); END IF;
        first := NULL;
      END;
    END LOOP;
    PERFORM set_config('${FOUND}', found, false);
  END $$`

const known = new WeakMap<SqlSession, Promise<Ranges>>()

/** Which characters the encoding of the session's database has. All its columns have the same. */
export function charsetCoverage(session: SqlSession): Promise<Ranges> {
  const ranges = known.get(session) ?? askRanges(session)
  known.set(session, ranges)
  return ranges
}

async function askRanges(session: SqlSession): Promise<Ranges> {
  await session.query(FIND)
  const [row] = await session.query(`SELECT current_setting('${FOUND}')`)
  return row![0]!.split(',').map((range) => range.split('-').map(Number) as [number, number])
}
