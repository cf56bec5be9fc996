import { find, rewrite } from '../../src/sql/tokens.js'
import type { DdlItem } from './ddl.js'
import { keyParts } from './ddl.js'
import type { Dialect } from './server.js'
import { identifier } from './sql.js'
import type { Notes, Translation } from './translation.js'
/** Table options of MySQL that MariaDB does not know, with their values. */
const OPTION =
  /^(ENCRYPTION|COMPRESSION|SECONDARY_ENGINE|SECONDARY_ENGINE_ATTRIBUTE|ENGINE_ATTRIBUTE|AUTOEXTEND_SIZE)$/i

/** What MariaDB makes of the word `json`. Its check is added where the column's attributes end. */
const JSON_TYPE = 'longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

/** What MySQL says that MariaDB does not know, in MariaDB's words or left out. */
export function toMariadb(to: Dialect, notes: Notes): Translation {
  return {
    item: (item) => {
      if (item.kind === 'column') return { ...item, tokens: column(item, to, notes) }
      if (item.kind === 'check') return check(item, notes)
      return item.kind === 'index' || item.kind === 'unique' ? index(item, notes) : item
    },
    options: (options) =>
      rewrite(options, [OPTION, /^=$/, /./], ([name, , value]) => {
        notes.addReason(`table option ${name}=${value} is left out: MariaDB does not know it`)
        return null
      }),
  }
}

function column({ name, tokens }: DdlItem, to: Dialect, notes: Notes): string[] {
  let result = [...tokens]
  const change = (words: readonly RegExp[], by: string | null, reason: string) => {
    result = rewrite(result, words, () => {
      notes.addReason(`column ${name}: ${reason}`)
      return by
    })
  }
  change([/^json$/i], JSON_TYPE, 'json becomes longtext with a check, as MariaDB keeps JSON')
  change([/^geomcollection$/i], 'geometrycollection', 'geomcollection is called geometrycollection')
  change([/^SRID$/i, /^\d+$/], null, 'the declared SRID is left out, each value keeps its own')
  change([/^(COLUMN_FORMAT|STORAGE)$/i, /./], null, 'its storage format is left out')
  change([/^(SECONDARY_)?ENGINE_ATTRIBUTE$/i, /./], null, 'its engine attribute is left out')
  if (find(result, /^GENERATED$/i)) {
    change([/^NOT$/i, /^NULL$/i], null, 'NOT NULL is left out, MariaDB has none for generated columns')
  }
  if (to.version < 110_700 && find(result, /^vector$/i)) {
    const dimensions = Number(/\d+/.exec(find(result, /^vector$/i, /^\(/)?.[1] ?? '')?.[0] ?? 2048)
    change(
      [/^vector$/i, /^\(/],
      `varbinary(${dimensions * 4})`,
      'vector becomes varbinary with the same bytes',
    )
  }
  const checked = find(tokens, /^json$/i) && !find(tokens, /^GENERATED$/i)
  return checked ? [...result, ` CHECK (json_valid(${identifier(name!)}))`] : result
}

function check(item: DdlItem, notes: Notes): DdlItem | null {
  if (!find(item.tokens, /^NOT$/i, /^ENFORCED$/i)) return item
  notes.addReason(`CHECK ${item.name} is left out: it is not enforced, and MariaDB enforces every one`)
  return null
}

function index(item: DdlItem, notes: Notes): DdlItem | null {
  const reason = keyParts(item).includes(null)
    ? 'it is on an expression'
    : find(item.tokens, /^PARSER$/i)
      ? 'it has a parser of its own'
      : null
  if (reason === null) return { ...item, tokens: rewrite(item.tokens, [/^INVISIBLE$/i], () => 'IGNORED') }
  const text = `index ${item.name} is left out: ${reason}, which MariaDB does not know`
  if (item.kind === 'unique') notes.warn(text)
  else notes.addReason(text)
  return null
}
