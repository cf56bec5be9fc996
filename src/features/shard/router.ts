import type { Cells } from '../../wire/row-name.js'
import { excerpt, rowName } from '../../wire/row-name.js'
import { RowshiftError } from '../../contract/errors.js'
import type { ColumnMapping } from '../../contract/plugin.js'
import type { Shard, ShardRule } from '../../contract/sharding.js'
import type { TargetSpec } from '../../contract/target-spec.js'
import { nameIn } from '../../contract/sharding.js'
import type { Locate } from './rules.js'
import { columnsOf, locator, rulesOf, whyNowhere } from './rules.js'
import type { Pattern } from './pattern.js'
import { labelOf, nameOf, parsePattern } from './pattern.js'

/** What a router must know of a spec. */
export type RoutingSpec = Pick<TargetSpec, 'sharding' | 'key' | 'table'> & {
  readonly columns: readonly Pick<ColumnMapping, 'source' | 'target' | 'computedBy'>[]
}

/** Says for rows of a plan's columns which shard they belong to, by a number that only it gives a meaning. */
export class Router {
  /** A 1 for each cell that has to be looked at. */
  readonly wanted: Uint8Array
  readonly #spec: RoutingSpec
  readonly #pattern: Pattern
  readonly #databases: number
  /** By label; dates add to them. */
  readonly #tables = new Map<string, number>()
  readonly #locate: (cells: Cells) => readonly [database: number, table: number] | null

  constructor(spec: RoutingSpec) {
    const { rule, reads, databases, table, numbering } = spec.sharding!
    this.#spec = spec
    this.#databases = databases.length
    const pattern = (this.#pattern = parsePattern(table))
    const known = pattern.kind === 'date' ? datesOf(spec) : pattern.labels
    for (const label of known) this.#tables.set(label, this.#tables.size)
    this.wanted = new Uint8Array(spec.columns.length + reads.length).fill(1, spec.columns.length)
    for (const name of columnsOf(rule)) this.wanted[columnAt(spec, name)] = 1
    const tables = pattern.labels.length
    if ('database' in rule) {
      const database = this.#locatorOf(rule.database, databases.length)
      const inDatabase = this.#locatorOf(rule.table, tables)
      this.#locate = (cells) => pair(database(cells), this.#numbered(inDatabase(cells)))
    } else {
      const through = numbering === 'through'
      const perDatabase = through ? tables / databases.length : tables
      const locate = this.#locatorOf(rule, through ? tables : tables * databases.length)
      this.#locate = (cells) => {
        const number = this.#numbered(locate(cells))
        if (number === null) return null
        if (databases.length === 1) return [0, number]
        return [Math.floor(number / perDatabase), through ? number : number % perDatabase]
      }
    }
  }

  /** How many cells stand behind those that are written. */
  get unwritten(): number {
    return this.#spec.sharding!.reads.length
  }

  /** The row's shard; null: none is for it. By dates it may be one that the plan does not know yet. */
  shardOf(cells: Cells): number | null {
    const location = this.#locate(cells)
    return location === null ? null : location[1] * this.#databases + location[0]
  }

  /** Of a shard that the plan does not know: its database and its table. */
  locationOf(number: number): { readonly endpoint: number; readonly table: string } {
    const label = [...this.#tables.keys()][Math.floor(number / this.#databases)]!
    return { endpoint: number % this.#databases, table: nameOf(this.#pattern, label) }
  }

  /** For people. */
  nameOf(number: number): string {
    const { endpoint, table } = this.locationOf(number)
    return nameIn(this.#spec.sharding!.databases, endpoint, table)
  }

  numberOf({ endpoint, table }: Pick<Shard, 'endpoint' | 'table'>): number {
    return this.#numbered(labelOf(this.#pattern, table)!)! * this.#databases + endpoint
  }

  /** What `nameOf` has named; by dates it may be one that the plan does not know yet. */
  numberNamed(name: string): number {
    const { databases } = this.#spec.sharding!
    for (const endpoint of databases.keys()) {
      const prefix = nameIn(databases, endpoint, '')
      const table = name.slice(prefix.length)
      if (name.startsWith(prefix) && labelOf(this.#pattern, table) !== null)
        return this.numberOf({ endpoint, table })
    }
    throw new RowshiftError('INTERNAL', `${name} is not a shard of ${this.#spec.table.table}.`)
  }

  /** For a row without a shard, with all its cells; those that are not written may be gone. */
  shardError(cells: Cells, why = this.#why()): RowshiftError {
    const { columns, table, sharding } = this.#spec
    const names = columns.flatMap(({ target: { name } }, i) => (this.wanted[i] === 1 ? [name] : []))
    const values = names.map(
      (name) =>
        `${name} = ${excerpt(cells[columns.findIndex(({ target }) => target.name === name)] ?? null)}`,
    )
    const computed = sharding!.reads.flatMap(({ name }, i) => {
      const cell = cells[columns.length + i]
      return cell === undefined ? [] : [`${name} = ${excerpt(cell)}`]
    })
    const row = rowName(this.#spec, cells)
    return new RowshiftError(
      'SHARD_UNKNOWN',
      `No shard of ${table.table} is for ${[...values, ...computed].join(', ')}${row.length > 0 ? `, in the row with ${row.join(', ')}` : ''}: ${why}. ` +
        'Extend the shard rule, change the row, or leave it out with "where".',
      { table: table.table, column: names[0] ?? null, key: row },
    )
  }

  #why(): string {
    return rulesOf(this.#spec.sharding!.rule).map(whyNowhere).join('; or ')
  }

  #locatorOf(rule: ShardRule, count: number): Locate {
    const { columns, sharding } = this.#spec
    if ('sql' in rule) {
      const index = rulesOf(sharding!.rule)
        .filter((each) => 'sql' in each)
        .indexOf(rule)
      return locator(rule, [{ at: columns.length + index, kind: sharding!.reads[index]!.kind }], count)
    }
    const cells = rule.by.map((name) => {
      const at = columnAt(this.#spec, name)
      return { at, kind: columns[at]!.target.kind }
    })
    return locator(rule, cells, count)
  }

  #numbered(found: ReturnType<Locate>): number | null {
    if (typeof found !== 'string') return found
    let number = this.#tables.get(found)
    if (number === undefined) this.#tables.set(found, (number = this.#tables.size))
    return number
  }
}

function datesOf({ sharding }: RoutingSpec): Set<string> {
  const pattern = parsePattern(sharding!.table)
  return new Set(sharding!.shards.flatMap(({ table }) => labelOf(pattern, table) ?? []))
}

function columnAt({ columns }: RoutingSpec, name: string): number {
  return columns.findIndex(({ target }) => target.name === name)
}

function pair(
  database: ReturnType<Locate>,
  table: number | null,
): readonly [database: number, table: number] | null {
  return typeof database === 'number' && table !== null ? [database, table] : null
}
