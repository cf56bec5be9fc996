import type { Notes } from './translation.js'
import { find, rewrite } from '../../src/sql/tokens.js'
import { nearestCollation } from './collations.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { flatTokens, keyParts } from './ddl.js'
import { holdsNoRows } from './engines.js'
import { toMariadb } from './to-mariadb.js'
import { toMysql } from './to-mysql.js'
import type { Dialect } from './server.js'

/** A table of one server as another can make it. Equal dialects give the same table, without its foreign keys. */
export function translate(
  ddl: TableDdl,
  from: Pick<Dialect, 'mariadb'> & { readonly keysComeLater: boolean },
  to: Dialect,
  notes: Notes,
): TableDdl {
  const local = withoutLocations(
    withEngine(withoutForeignKeys(ddl, from.keysComeLater ? null : notes), to, notes),
    notes,
  )
  const known = withCollations(local, to, notes)
  if (from.mariadb === to.mariadb) return known
  const { item, options } = to.mariadb ? toMariadb(to, notes) : toMysql(known, notes)
  const plain = { items: known.items.map(unwrapped), options: withoutComments(known.options) }
  return {
    items: plain.items.map(item).filter((each) => each !== null),
    options: options(plain.options),
  }
}

/** `notes` null: they come later. */
function withoutForeignKeys(ddl: TableDdl, notes: Notes | null): TableDdl {
  const foreign = ddl.items.filter(({ kind }) => kind === 'foreign')
  if (foreign.length === 0) return ddl
  notes?.addReason(
    `foreign keys are left out, since they name other tables: ${foreign.map(({ name }) => name).join(', ')}`,
  )
  return { ...ddl, items: ddl.items.filter(({ kind }) => kind !== 'foreign') }
}

function withEngine(ddl: TableDdl, to: Dialect, notes: Notes): TableDdl {
  const engine = find(ddl.options, /^ENGINE$/i, /^=$/, /./)?.[2] ?? 'InnoDB'
  if (to.engines.has(engine.toLowerCase()) && !holdsNoRows(engine)) return ddl
  notes.warn(`engine ${engine} becomes InnoDB: the target has no such engine, or it holds no rows of its own`)
  const everywhere = new RegExp(`\\bENGINE( ?= ?)${engine}\\b`, 'gi')
  const partitions = (token: string) =>
    token.startsWith('(') ? token.replaceAll(everywhere, 'ENGINE$1InnoDB') : token
  const options = rewrite(ddl.options, [/^ENGINE$/i, /^=$/, /./], () => 'ENGINE=InnoDB').map(partitions)
  return { ...ddl, options }
}

/** Directories and tablespaces, another server, the tables behind a merged one. */
const SERVER_LOCATIONS = [
  [/^(DATA|INDEX)$/i, /^DIRECTORY$/i, /^=$/, /^'/],
  [/^\/\*!\d+$/, /^TABLESPACE$/i, /^`/, /^\*\/$/],
  [/^TABLESPACE$/i, /^=$/, /^[`\w]/],
  [/^CONNECTION$/i, /^=$/, /^'/],
  [/^INSERT_METHOD$/i, /^=$/, /^\w/],
  [/^UNION$/i, /^=$/, /^\(/],
]

/** They belong to the source's machine. */
function withoutLocations(ddl: TableDdl, notes: Notes): TableDdl {
  let left = false
  const drop = () => {
    left = true
    return null
  }
  const dropped = (tokens: readonly string[]) =>
    SERVER_LOCATIONS.reduce((remaining: readonly string[], words) => rewrite(remaining, words, drop), tokens)
  const inPartitions = (token: string) =>
    /^\(\s*partition\b/i.test(token) ? dropped(flatTokens(token)).join('') : token
  const options = dropped(ddl.options).map(inPartitions)
  if (left)
    notes.addReason(
      'directories, tablespaces, connections and the like are left out: they name places on the source server',
    )
  return { ...ddl, options }
}

function withCollations(ddl: TableDdl, to: Dialect, notes: Notes): TableDdl {
  const changed = new Map<string, { to: string; columns: string[] }>()
  const translated = (tokens: readonly string[], columns: readonly string[]): string[] => {
    const collated = rewrite(tokens, [/^COLLATE$/i, /^[\w]+$/], ([word, name]) => {
      return `${word} ${replacement(name!, columns)}`
    })
    const collation = rewrite(
      collated,
      [/^COLLATE$/i, /^=$/, /./],
      (run) => `COLLATE=${replacement(run[2]!, columns)}`,
    )
    const sets = rewrite(
      collation,
      [/^CHARACTER$/i, /^SET$/i, /./],
      (run) => `CHARACTER SET ${charset(run[2]!)}`,
    )
    return rewrite(sets, [/^CHARSET$/i, /^=$/, /./], (run) => `CHARSET=${charset(run[2]!)}`)
  }
  const charset = (name: string) => charsetOn(name, to)
  const replacement = (name: string, columns: readonly string[]): string => {
    if (to.collations.has(name)) return name
    const own = name.replace(/^[^_]+/, (set) => charset(set))
    const nearest = nearestCollation(own, to.collations) ?? 'utf8mb4_bin'
    const found = changed.get(name) ?? { to: nearest, columns: [] }
    found.columns.push(...columns)
    changed.set(name, found)
    return nearest
  }
  const inherited = ddl.items.filter(inheritsCollation).map(({ name }) => name!)
  const items = ddl.items.map((item) =>
    item.kind === 'column' ? { ...item, tokens: translated(item.tokens, [item.name!]) } : item,
  )
  const options = translated(ddl.options, inherited)
  const keyed = new Set(
    ddl.items.filter(({ kind }) => kind === 'primary' || kind === 'unique').flatMap(keyParts),
  )
  for (const [name, { to: nearest, columns }] of changed) noteCollation(name, nearest, columns, keyed, notes)
  return { items, options }
}

function noteCollation(
  name: string,
  nearest: string,
  columns: readonly string[],
  keyed: ReadonlySet<string | null>,
  notes: Notes,
): void {
  const keys = columns.filter((column) => keyed.has(column))
  const text = `collation ${name} becomes ${nearest}, the nearest that the target knows`
  if (keys.length === 0) notes.addReason(text)
  else notes.warn(`${text}: different values of ${keys.join(', ')} may count as equal in a unique key there`)
}

/** The old name of utf8mb3 where the new one is not known; else a set that holds every character. */
function charsetOn(name: string, { charsets }: Dialect): string {
  if (charsets.has(name)) return name
  const other = { utf8: 'utf8mb3', utf8mb3: 'utf8' }[name]
  return other !== undefined && charsets.has(other) ? other : 'utf8mb4'
}

function inheritsCollation({ kind, tokens }: DdlItem): boolean {
  const text = find(tokens, /^((tiny|medium|long)?text|(var)?char|enum|set)$/i) !== null
  return kind === 'column' && text && !find(tokens, /^COLLATE$/i)
}

function unwrapped(item: DdlItem): DdlItem {
  return { ...item, tokens: withoutComments(item.tokens) }
}

/** Each server skips the other's version comments, so what is in them is taken out of them. */
function withoutComments(tokens: readonly string[]): string[] {
  return tokens.filter((token) => !/^(\/\*M?!\d*|\*\/)$/.test(token))
}
