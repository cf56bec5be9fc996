import { find, rewrite } from '../../src/sql/tokens.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { keyParts } from './ddl.js'
import { identifier } from './sql.js'
import type { Notes, Translation } from './translation.js'
/** Types of MariaDB that MySQL does not know, as texts that hold whatever MariaDB shows. */
const TYPES: Readonly<Record<string, string>> = {
  uuid: 'char(36)',
  inet6: 'varchar(45)',
  inet4: 'varchar(15)',
}

/** Table options that both know. */
const OPTION =
  /^(ENGINE|AUTO_INCREMENT|CHARSET|COLLATE|COMMENT|ROW_FORMAT|KEY_BLOCK_SIZE|STATS_\w+|MIN_ROWS|MAX_ROWS|AVG_ROW_LENGTH|PACK_KEYS|CHECKSUM|DELAY_KEY_WRITE)$/i

/** Types that take a default in MySQL only as an expression. */
const LONG =
  /^((tiny|medium|long)?(text|blob)|json|geometry|point|linestring|polygon|multi\w+|geometrycollection)$/i

/** What MariaDB says that MySQL does not know, in MySQL's words or left out. */
export function toMysql(ddl: TableDdl, notes: Notes): Translation {
  const periods = new Set(ddl.items.filter(({ tokens }) => isPeriod(tokens)).map(({ name }) => name))
  return {
    item: (item) => {
      if (item.kind === 'column') return column(item, notes)
      if (item.kind === 'other') return null
      if (item.kind === 'check') return item
      return index(withoutParts(item, periods), notes)
    },
    options: (options) => tableOptions(options, notes),
  }
}

/** When a row of a table with system versioning began or ended. */
function isPeriod(tokens: readonly string[]): boolean {
  return find(tokens, /^AS$/i, /^ROW$/i, /^(START|END)$/i) !== null
}

function column({ name, kind, tokens }: DdlItem, notes: Notes): DdlItem | null {
  let result = [...tokens]
  const change = (words: readonly RegExp[], by: string | null, reason: string) => {
    result = rewrite(result, words, () => {
      notes.addReason(`column ${name}: ${reason}`)
      return by
    })
  }
  if (isPeriod(tokens)) {
    notes.addReason(`column ${name} is left out: it belongs to system versioning`)
    return null
  }
  const [, , type = ''] = result
  const fallback = TYPES[type.toLowerCase()]
  if (fallback !== undefined) {
    notes.addReason(`column ${name}: ${type} becomes ${fallback} with the same text`)
    result = result.with(2, `${fallback} CHARACTER SET ascii COLLATE ascii_general_ci`)
  }
  change([/^COMPRESSED$/i], null, 'COMPRESSED is left out')
  change([/^WITH(OUT)?$/i, /^SYSTEM$/i, /^VERSIONING$/i], null, 'system versioning is left out')
  return { name, kind, tokens: withMysqlDefault(name!, result, notes) }
}

/** MySQL wants parentheses around every default but literals and the current time. */
function withMysqlDefault(column: string, tokens: readonly string[], notes: Notes): string[] {
  if (find(tokens, /^DEFAULT$/i, /^(nextval|lastval|setval)$/i)) {
    notes.warn(`column ${column}: its default is left out, MySQL has no sequences`)
    return rewrite(tokens, [/^DEFAULT$/i, /val$/i, /^\(/], () => null)
  }
  const long = tokens.some((token) => LONG.test(token))
  if (long) {
    const quoted = rewrite(tokens, [/^DEFAULT$/i, /^'/], ([, value]) => `DEFAULT (${value})`)
    return withMysqlCall(quoted)
  }
  return withMysqlCall(tokens)
}

function withMysqlCall(tokens: readonly string[]): string[] {
  const call = /^(?!(current_timestamp|now|localtime|localtimestamp)$)[a-z_]\w*$/i
  return rewrite(tokens, [/^DEFAULT$/i, call, /^\(/], ([, name, args]) => `DEFAULT (${name}${args})`)
}

/** Keys of versioned tables end with the period; only rows that are still valid are copied, unique without it. */
function withoutParts(item: DdlItem, gone: ReadonlySet<string | null>): DdlItem {
  const parts = keyParts(item)
  if (!parts.some((part) => gone.has(part))) return item
  const remaining = parts.flatMap((part) => (part === null || gone.has(part) ? [] : [identifier(part)]))
  return {
    ...item,
    tokens: item.tokens.map((token) => (token.startsWith('(') ? `(${remaining.join(',')})` : token)),
  }
}

function index(item: DdlItem, notes: Notes): DdlItem | null {
  const hashed = item.kind === 'unique' && find(item.tokens, /^USING$/i, /^HASH$/i)
  if (hashed) {
    const on = keyParts(item).join(', ')
    notes.warn(
      `unique key ${item.name} (${on}) is left out: it is longer than MySQL allows, so equal rows are not noticed`,
    )
    return null
  }
  if (find(item.tokens, /^VECTOR$/i)) {
    notes.addReason(`index ${item.name} is left out: MySQL has no vector indexes`)
    return null
  }
  if (find(item.tokens, /^WITHOUT$/i, /^OVERLAPS$/i) || item.tokens.join('').includes('WITHOUT OVERLAPS')) {
    notes.warn(`unique key ${item.name} is left out: MySQL does not know WITHOUT OVERLAPS`)
    return null
  }
  return { ...item, tokens: rewrite(item.tokens, [/^IGNORED$/i], () => 'INVISIBLE') }
}

function tableOptions(options: readonly string[], notes: Notes): readonly string[] {
  const drop = (what: string) => {
    notes.addReason(`${what} is left out: MySQL does not know it`)
    return null
  }
  const versioned = rewrite(options, [/^WITH$/i, /^SYSTEM$/i, /^VERSIONING$/i], () => {
    notes.warn('system versioning is left out: MySQL does not know it, and the history of rows is not copied')
    return null
  })
  const partition = versioned.findIndex((token) => /^PARTITION$/i.test(token))
  const end = partition < 0 ? versioned.length : partition
  const page = rewrite(versioned.slice(0, end), [/^ROW_FORMAT$/i, /^=$/, /^PAGE$/i], () =>
    drop('ROW_FORMAT=PAGE'),
  )
  const known = rewrite(page, [/^[`\w]+$/, /^=$/, /./], ([name, , value]) =>
    OPTION.test(name!) ? `${name}=${value}` : drop(`table option ${name}=${value}`),
  )
  const partitions = versioned.slice(end)
  if (!find(partitions, /^SYSTEM_TIME$/i)) return [...known, ...partitions]
  drop('partitioning by SYSTEM_TIME')
  return known
}
