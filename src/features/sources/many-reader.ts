import { RowshiftError } from '../../contract/errors.js'
import { checkCondition } from '../../plan/condition.js'
import { distinctMessages } from '../../contract/message.js'
import { closeAll, openAll } from '../../contract/opening.js'
import type {
  Batch,
  Column,
  ColumnMapping,
  Derivation,
  LossSearch,
  Message,
  PlannedWrite,
  Reader,
  ReaderSkills,
  ReadSpec,
  RefuseRow,
  SourceTable,
  Split,
  SplitOutline,
  SplitSize,
  TableDefinition,
  TableSchema,
  TableState,
} from '../../contract/plugin.js'

const LOOK_MS = 2000

/**
 * Many tables as one source: a reader for each database. Splits are those of one table after another, and say which it is.
 * `read` and `divide` want to be told. There is no digest of many tables, and no snapshot.
 */
export class ManyReader implements Reader {
  readonly readers: readonly Reader[]
  /** Its tables, as soon as they are described; for what is asked of the source before there is a plan. */
  known: readonly SourceTable[] = []

  /** One for each database. */
  constructor(readers: readonly Reader[]) {
    this.readers = readers
  }

  /** Those that the databases have, of what can be said of several tables. */
  get skills(): ReaderSkills {
    const { skills } = this.readers[0]!
    return {
      ...(skills.checkWhere && { checkWhere: (schema, where) => this.#checkWhere(schema, where) }),
      ...(skills.ddl && { ddl: { definition: () => this.#definition(), wide: () => this.#wide() } }),
      ...(skills.derive && { derive: (schema, wanted) => this.#derive(schema, wanted) }),
      ...(skills.findLoss && { findLoss: (schema, column, where) => this.#findLoss(schema, column, where) }),
      ...(skills.check && { check: (spec, write, all) => this.#check(spec, write, all) }),
      ...(skills.state && { state: (spec) => this.#state(spec) }),
      ...(skills.outline && { outline: (spec) => this.#outline(spec) }),
    }
  }

  connect(signal?: AbortSignal): Promise<void> {
    return openAll(this.readers, signal)
  }

  /** Of one table in the first database. */
  describe(table: string): Promise<TableSchema> {
    return this.readers[0]!.describe(table)
  }

  /** Of the first of all tables. */
  #definition(): Promise<TableDefinition> {
    const { endpoint, table } = this.known[0]!
    return this.readers[endpoint]!.skills.ddl!.definition(table)
  }

  /** One table after the other, until that has taken long. */
  async #wide(): Promise<readonly string[]> {
    const end = performance.now() + LOOK_MS
    const names = new Set<string>()
    for (const { endpoint, table } of this.known) {
      for (const name of await this.readers[endpoint]!.skills.ddl!.wide(table)) names.add(name)
      if (performance.now() > end) break
    }
    return [...names]
  }

  /** All tables of a database take the same conditions. */
  async #checkWhere(schema: TableSchema, where: string): Promise<readonly Message[]> {
    const warnings: Message[] = []
    for (const [endpoint, reader] of this.readers.entries()) {
      const one = this.known.find((table) => table.endpoint === endpoint)
      if (!one) continue
      const own = { ...schema, table: one.table, identity: one.identity }
      warnings.push(...(await checkCondition(reader, own, where)))
    }
    return distinctMessages(warnings)
  }

  /** Whatever the first of all tables computes, the others do too. */
  #derive(schema: TableSchema, wanted: readonly Derivation[]): Promise<readonly Column[]> {
    const { endpoint, table, identity } = this.known[0]!
    return this.readers[endpoint]!.skills.derive!({ ...schema, table, identity }, wanted)
  }

  async #findLoss(schema: TableSchema, column: ColumnMapping, where: string | null): Promise<LossSearch> {
    let search: LossSearch = { found: 'none' }
    for (const { endpoint, table, identity } of this.known) {
      const one = { ...schema, table, identity }
      const found = await this.readers[endpoint]!.skills.findLoss!(one, column, where)
      if (found.found === 'value') return found
      if (found.found === 'unknown') search = found
    }
    return search
  }

  async #check(spec: ReadSpec, write: PlannedWrite, allColumns: boolean): Promise<readonly Message[]> {
    const warnings: Message[] = []
    for (const { reader, spec: own } of this.#each(spec)) {
      warnings.push(...(await reader.skills.check!(own, write, allColumns)))
    }
    return distinctMessages(warnings)
  }

  /** Unknown where there are so many tables that looking at each takes long. */
  async #state(spec: ReadSpec): Promise<TableState> {
    const end = performance.now() + LOOK_MS
    const identities: (string | null)[] = []
    let bytes: number | null = 0
    for (const { reader, spec: own } of this.#each(spec)) {
      if (performance.now() > end) return { identity: null, bytes: null }
      const state = await reader.skills.state!(own)
      identities.push(state.identity)
      bytes = bytes === null || state.bytes === null ? null : bytes + state.bytes
    }
    return { identity: identities.includes(null) ? null : JSON.stringify(identities), bytes }
  }

  async *split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncGenerator<Split> {
    for (const [i, { reader, spec: own }] of this.#each(spec).entries()) {
      for await (const split of reader.split(own, size, signal)) yield tagged(split, i, own)
    }
  }

  async *divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncGenerator<Split> {
    const { reader, spec: own } = this.#one(spec, range)
    for await (const split of reader.divide(own, range, size, signal)) yield tagged(split, range.table!, own)
  }

  read(spec: ReadSpec, split: Split, signal: AbortSignal, refuse?: RefuseRow): AsyncIterable<Batch> {
    const { reader, spec: own } = this.#one(spec, split)
    return reader.read(own, split, signal, refuse)
  }

  /** Of the first table. */
  #outline(spec: ReadSpec): Promise<SplitOutline> {
    const [first] = this.#each(spec)
    return first!.reader.skills.outline!(first!.spec)
  }

  close(): Promise<void> {
    return closeAll(this.readers)
  }

  #one(spec: ReadSpec, { table }: Split) {
    const one = this.#each(spec)[table ?? -1]
    if (one) return one
    throw new RowshiftError('INTERNAL', `A split of ${spec.table.table} does not say which table it is of.`)
  }

  #each(spec: ReadSpec) {
    return spec.sources!.map((table) => ({
      table,
      reader: this.readers[table.endpoint]!,
      spec: ofTable(spec, table),
    }))
  }
}

/** How one of the tables is read. */
export function ofTable(
  spec: ReadSpec,
  { table, identity, estimatedRows, keys, key: planned, window }: SourceTable,
): ReadSpec {
  const columns = planned?.columns.map(({ name }) => name) ?? []
  const own = keys.find((key) => String(key.columns) === String(columns))
  const key = planned && own ? { ...planned, name: own.name } : planned
  return { ...spec, sources: null, table: { ...spec.table, table, identity, estimatedRows }, key, window }
}

/** Whether a split can be divided is asked of the whole, whose key this table may do without. */
function tagged(split: Split, table: number, { key }: ReadSpec): Split {
  return { ...split, table, ...(key === null ? { indivisible: true } : {}) }
}
