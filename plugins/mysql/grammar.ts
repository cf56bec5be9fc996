/**
 * What a table's CREATE statement may consist of. A source says how its table was made, and a target would run whatever
 * that is with its user's rights: a query behind the table, directories, a comment that one server reads and another does not.
 * So only what is on these lists passes. It is asked of the statement as it is sent, after every translation.
 */
import { RowshiftError } from '../../src/contract/plugin.js'
import { listOf } from '../../src/sql/tokens.js'
import type { TableDdl } from './ddl.js'
import { DDL_TOKEN, flatTokens, parseTable, printTable } from './ddl.js'

const QUOTED = /^`(?:[^`]|``)*`$/
const STRING = /^'(?:[^'\\]|''|\\[^])*'$/
const NUMBER = /^\d[\w.]*$/
const WORD = /^[a-z_]\w*$/i
const GROUP = /^\([^]*\)$/

const words = (text: string) => new Set(text.trim().split(/\s+/))

/** Of columns, behind name and type. */
const COLUMN = words(`
  unsigned zerofill character set charset collate binary not null default auto_increment on update comment generated
  always as virtual stored persistent invisible visible check constraint enforced column_format storage fixed dynamic disk memory srid
  ref_system_id compressed with without system versioning row start end engine_attribute secondary_engine_attribute precision varying`)

/** Of keys and CHECKs, and foreign keys. */
const KEY = words(`
  primary unique fulltext spatial vector key index constraint check not enforced using btree hash rtree comment with parser
  key_block_size invisible visible ignored clustering yes no m distance euclidean cosine period for system_time without overlaps
  engine_attribute secondary_engine_attribute`)

/** Table options: each is followed by \`=\` and one value. */
const OPTIONS = words(`
  engine auto_increment charset collate comment row_format key_block_size max_rows min_rows avg_row_length checksum
  page_checksum delay_key_write pack_keys stats_persistent stats_auto_recalc stats_sample_pages compression encryption transactional
  autoextend_size engine_attribute secondary_engine secondary_engine_attribute encrypted encryption_key_id page_compressed
  page_compression_level`)

/** Of partitions, and of what stands between table options. */
const PARTITION = words(`
  partition partitions subpartition subpartitions by range list hash key linear columns algorithm values less than in maxvalue engine
  comment max_rows min_rows default system_time system versioning with interval starts limit auto history current second minute hour day week
  month quarter year timestamp`)

/** In parentheses anywhere: SQL without a query, a variable, a comment or a second statement. */
const NEVER_INSIDE = /^(select|into|outfile|dumpfile|load_file|table|directory|union|call|do)$/i
const INSIDE = /^[-+*/%=<>!&|^~.,()]$/

/** Throws CREATE_FAILED for a statement that is more than the CREATE statement of this table. */
export function checkTableDdl(table: string, ddl: TableDdl): void {
  const { items, options } = parseTable(printTable(table, ddl))
  const refuse = (what: string): never => {
    throw new RowshiftError(
      'CREATE_FAILED',
      `Table ${table} is not created: ${JSON.stringify(what.slice(0, 80))} in the source's definition is not part of a table's definition that rowshift knows, and might do something else. ` +
        'Create the table yourself and leave out --create. Nothing was written.',
      { table },
    )
  }
  for (const item of items) {
    const known = item.kind === 'column' ? COLUMN : KEY
    checkTokens(bare(item.tokens, refuse), known, item.kind === 'column' ? 1 : -1, refuse)
  }
  checkOptions(bare(options, refuse), refuse)
}

type Refuse = (what: string) => never

/** Without white space, and without the ends of version comments: what is in them is checked like all else. */
function bare(tokens: readonly string[], refuse: Refuse): string[] {
  let open = false
  const significant = tokens.filter((token) => {
    if (/^\/\*M?!\d+$/.test(token) && !open) {
      open = true
      return false
    }
    if (token === '*/' && open) {
      open = false
      return false
    }
    // A server that skips the comment ends it here, whatever quotes stand around.
    if (open && token.includes('*/')) refuse(token)
    return !/^\s+$/.test(token)
  })
  return open ? refuse(tokens.join('')) : significant
}

/** `type` is the place of the word that may be any: the type. A character set, collation or current time is any word too. */
function checkTokens(
  tokens: readonly string[],
  known: ReadonlySet<string>,
  type: number,
  refuse: Refuse,
): void {
  for (const [at, token] of tokens.entries()) {
    if (GROUP.test(token)) checkGroup(token, refuse)
    else if (WORD.test(token)) {
      const before = (tokens[at - 1] ?? '').toLowerCase()
      const named = ['set', 'collate', 'charset', 'default', 'update', 'parser'].includes(before)
      if (at !== type && !named && !known.has(token.toLowerCase()) && !introduces(token, tokens[at + 1]))
        refuse(token)
      if (/^as$/i.test(token) && !/^(\(|row$)/i.test(tokens[at + 1] ?? '')) refuse(tokens.slice(at).join(' '))
      if (NEVER_INSIDE.test(token)) refuse(token)
    } else if (!QUOTED.test(token) && !STRING.test(token) && !NUMBER.test(token) && !/^[-+=]$/.test(token)) {
      refuse(token)
    }
  }
}

/** `_utf8mb4'text'`, `b'101'`, `x'ff'`. */
function introduces(word: string, next: string | undefined): boolean {
  return /^(_\w+|[bxn])$/i.test(word) && next !== undefined && STRING.test(next)
}

/** Options with their values, then partitions. */
function checkOptions(tokens: readonly string[], refuse: Refuse): void {
  let at = 0
  while (at < tokens.length && !/^partition$/i.test(tokens[at]!)) {
    const word = tokens[at]!.replaceAll('`', '').toLowerCase()
    if (word === 'default' || word === ',') at++
    else if (/^with system versioning$/i.test(tokens.slice(at, at + 3).join(' '))) at += 3
    else if (OPTIONS.has(word) && tokens[at + 1] === '=' && isValue(tokens[at + 2])) at += 3
    else refuse(tokens.slice(at).join(' '))
  }
  const partitions = tokens.slice(at)
  checkTokens(partitions, PARTITION, -1, refuse)
  // The last group is the list of partitions, or the expression of a hash.
  for (const group of partitions.filter((token) => /^\(\s*(sub)?partition\b/i.test(token))) {
    for (const part of listOf(group, DDL_TOKEN))
      checkTokens(partOf(bare(part, refuse)), PARTITION, -1, refuse)
  }
}

/** Names of partitions and of engines are words too. */
function partOf(tokens: readonly string[]): string[] {
  return tokens.filter((_, at) => {
    const before = tokens[at - 1] ?? ''
    return !/^(sub)?partition$/i.test(before) && !(before === '=' && /^engine$/i.test(tokens[at - 2] ?? ''))
  })
}

function isValue(token: string | undefined): boolean {
  return token !== undefined && (WORD.test(token) || NUMBER.test(token) || STRING.test(token))
}

function checkGroup(group: string, refuse: Refuse): void {
  const inside = flatTokens(group)
  for (const [at, token] of inside.entries()) {
    if (/^\s+$/.test(token) || QUOTED.test(token) || STRING.test(token)) continue
    if (NEVER_INSIDE.test(token) || !(/^[\w$.\u0080-\uffff]+$/.test(token) || INSIDE.test(token)))
      refuse(token)
    const pair = token + (inside[at + 1] ?? '')
    if (pair === '--' || pair === '/*') refuse(group)
  }
}
