import type { ForeignKey, Reader, TableSchema } from '../../contract/plugin.js'
import { isSameKey } from './foreign-keys.js'
import type { SelectedTable } from './selection.js'

interface ComparedKeys {
  readonly source: Reader
  readonly target: Reader
  /** Those that both ends have. */
  readonly tables: readonly SelectedTable[]
  /** What the target calls a table of the source, also of those that are not compared. */
  readonly inTarget: (table: string) => string
  /** Of the source. */
  readonly schemas: ReadonlyMap<string, TableSchema>
}

/**
 * Which foreign keys a table of the target has otherwise than the source's, in words, by the name in the source. What a key is called does not count. Between
 * families, what not every one can have is left out: MATCH FULL, DEFERRABLE, SET DEFAULT, a key to columns that are not unique.
 */
export async function foreignKeyDifferences(
  compared: ComparedKeys,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { source, target, tables, inTarget } = compared
  const [ours, theirs] = [source.skills.foreignKeys, target.skills.foreignKeys]
  if (ours === undefined || theirs === undefined || tables.length === 0) return new Map()
  const sameFamily = ours.family === theirs.family
  const names = new Map(tables.map(({ from, to }) => [folded(from), to]))
  const own = ({ tableIn }: ForeignKey) => tableIn === undefined
  const wanted = (await ours.list()).filter((key) => own(key) && names.has(folded(key.table)))
  const asked = [...tables.map(({ to }) => to), ...wanted.map(({ parent }) => inTarget(parent))]
  const found = (await theirs.list(asked)).filter(own)
  const differences = new Map<string, readonly string[]>()
  for (const { from, to } of tables) {
    const rest = found.filter(({ table }) => folded(table) === folded(to))
    const texts = wanted.flatMap((each) => {
      if (folded(each.table) !== folded(from)) return []
      const renamed = each.parentIn === undefined && {
        parent: names.get(folded(each.parent)) ?? inTarget(each.parent),
      }
      const key = { ...each, table: to, ...renamed }
      const at = rest.findIndex((other) => isSameKey(foldedKey(other), foldedKey(key)))
      const other = at < 0 ? undefined : rest.splice(at, 1)[0]
      if (other === undefined)
        return isPossible(each, compared, sameFamily) ? [`${showKey(key)} is missing`] : []
      const [a, b] = [rulesOf(key, sameFamily), rulesOf(other, sameFamily)]
      return a === b ? [] : [`${showKey(key)} is ${b} instead of ${a}`]
    })
    const extra = rest.filter(({ unsupported }) => unsupported === undefined)
    const all = [...texts, ...extra.map((key) => `${showKey(key)} is extra`)]
    if (all.length > 0) differences.set(from, all)
  }
  return differences
}

function isPossible(key: ForeignKey, { schemas }: ComparedKeys, sameFamily: boolean): boolean {
  const { unsupported, parent, parentColumns, onDelete, onUpdate } = key
  if (unsupported !== undefined) return false
  if (sameFamily) return true
  if (onDelete === 'set default' || onUpdate === 'set default') return false
  const { keys = [] } = schemas.get(parent) ?? {}
  const wanted = [...parentColumns].sort().join('\0')
  return keys.some(({ columns }) => [...columns].sort().join('\0') === wanted)
}

function folded(name: string): string {
  return name.toLowerCase()
}

/** Names of tables and columns that differ by case only are one to some databases. */
function foldedKey(key: ForeignKey): ForeignKey {
  return {
    ...key,
    table: folded(key.table),
    parent: folded(key.parent),
    columns: key.columns.map(folded),
    parentColumns: key.parentColumns.map(folded),
  }
}

/** `foreign key fk_a (a_id) to a (id)`. */
function showKey({ name, columns, parent, parentIn, parentColumns }: ForeignKey): string {
  const to = parentIn === undefined ? parent : `${parentIn}.${parent}`
  return `foreign key ${name === null ? '' : `${name} `}(${columns.join(', ')}) to ${to} (${parentColumns.join(', ')})`
}

/** RESTRICT counts as NO ACTION: some servers show either for one and the same. */
function rulesOf({ onDelete, onUpdate, matchFull, deferrable }: ForeignKey, sameFamily: boolean): string {
  const action = (rule: string) => (rule === 'restrict' ? 'no action' : rule).toUpperCase()
  const rules = [`ON DELETE ${action(onDelete)}`, `ON UPDATE ${action(onUpdate)}`]
  if (!sameFamily) return rules.join(' ')
  if (matchFull) rules.push('MATCH FULL')
  if (deferrable) rules.push(`DEFERRABLE INITIALLY ${deferrable.toUpperCase()}`)
  return rules.join(' ')
}
