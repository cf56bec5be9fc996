import type { Column } from '../contract/plugin.js'
import type { IdCell, LookupCell } from '../contract/computed-columns.js'
import type { CellPlan, ReadCell, PipelinePlan, ValuePlan } from '../contract/pipeline.js'
import type { LookupMake } from '../features/lookup/params.js'
import type { IdMake } from '../task/make.js'
import { planGiven } from '../features/lookup/given-plan.js'
import { planId } from '../features/ids/plan.js'
import { planLookup } from '../features/lookup/plan.js'
import type { ColumnPair, Computation } from './mapping.js'
import type { PipelineRequest } from './pipeline-request.js'
import type { StepsRequest } from './step-plan.js'
import { planSteps } from './step-plan.js'

/** A value and where it stands: among what is read, or, below 0, the value -1, -2 … that is made of that. */
interface Positioned {
  readonly column: Column
  readonly at: number
}

/** Puts together what a pipeline reads and makes, pair by pair, and collects the faults of all of them. */
export class PipelineBuilder {
  readonly faults: string[] = []
  readonly reasons: string[] = []
  readonly warnings: string[] = []
  readonly #request: PipelineRequest
  readonly #reads: Column[] = []
  readonly #values: ValuePlan[] = []
  readonly #cells: CellPlan[] = []
  /** By their names; null after a fault. */
  readonly #named = new Map<string, Positioned | null>()
  /** Those that are being planned, each for the one before. */
  readonly #open: string[] = []

  constructor(request: PipelineRequest) {
    this.#request = request
  }

  /** The pair with what stands for its values as source; null after a fault. */
  async add(pair: ColumnPair): Promise<ColumnPair | null> {
    const { source, target, make } = pair
    if (make === undefined) {
      this.#cells.push(readCell(target.name, this.read(source)))
      return pair
    }
    const cell = await this.#cell(make, target)
    if (cell === null) return null
    this.#cells.push(cell)
    const computedBy = make.how?.type ?? 'steps'
    return { source: { ...cell.column, name: target.name }, target, computedBy }
  }

  addRead(column: Column): void {
    this.#cells.push(readCell(column.name, this.read(column)))
  }

  /** Each column is read once. */
  read(column: Column): Positioned {
    const there = this.#reads.indexOf(column)
    return { column, at: there < 0 ? this.#reads.push(column) - 1 : there }
  }

  /** When all that is read is known. */
  plan(): Pick<PipelinePlan, 'reads' | 'values' | 'cells'> {
    const settled = (at: number) => (at < 0 ? this.#reads.length - 1 - at : at)
    const values = this.#values.map((value): ValuePlan =>
      value.type === 'steps' ? { ...value, at: settled(value.at) } : { ...value, at: value.at.map(settled) },
    )
    const cells = this.#cells.map((cell): CellPlan => {
      switch (cell.type) {
        case 'read':
          return { ...cell, at: settled(cell.at) }
        case 'lookup':
          return { ...cell, at: cell.at.map(settled) }
        case 'id':
          return cell.map === null ? cell : { ...cell, map: { ...cell.map, at: settled(cell.map.at) } }
        default:
          return cell satisfies never
      }
    })
    return { reads: this.#reads, values, cells }
  }

  /** What the entry with the name makes. */
  async named(name: string): Promise<Positioned | null> {
    const known = this.#named.get(name)
    if (known !== undefined) return known
    const make = this.#request.values.find(({ as }) => as === name)!
    const before = this.#open.indexOf(name)
    if (before >= 0) {
      const circle = [...this.#open.slice(before), name].map((each) => JSON.stringify(each))
      this.faults.push(`${make.at}: ${circle.join(' is made of ')}, so that none of them can be made`)
      return null
    }
    this.#open.push(name)
    const placed = await this.#value(make, name)
    this.#open.pop()
    this.#named.set(name, placed)
    return placed
  }

  async #cell(make: Computation, to: Column): Promise<CellPlan | null> {
    const { how, after, as } = make
    if (how?.type === 'id') return this.#id(make, how, to)
    // Looked up where it is written.
    if (how?.type === 'lookup' && after.length === 0 && as === null) return this.#lookup(make, how, to.name)
    const value = as === null ? await this.#value(make, to.name) : await this.named(as)
    return value && readCell(to.name, value)
  }

  async #value(make: Computation, name: string): Promise<Positioned | null> {
    const { at, how, after } = make
    if (how?.type !== 'lookup') return (await this.#keys(make, name))?.[0] ?? null
    const cell = await this.#lookup(make, how, name)
    if (cell === null) return null
    const value = this.#addValue(cell)
    return after.length === 0 ? value : this.#steps({ asked: `"after" of ${at}`, name, steps: after }, value)
  }

  async #lookup(make: Computation, how: LookupMake, name: string): Promise<LookupCell | null> {
    const keys = await this.#keys(make, name)
    if (keys === null) return null
    const columns = keys.map(({ column }) => column)
    const created = this.#request.created ?? []
    const request = { at: make.at, make: how, keys: columns, name, created }
    const planned = how.given
      ? planGiven(request, this.faults)
      : await planLookup(request, this.#request.connections, this.faults)
    if (planned === null) return null
    this.warnings.push(...planned.warnings)
    const { column, how: lookup } = planned
    return { type: 'lookup', name, column, at: keys.map(({ at }) => at), lookup }
  }

  async #id(make: Computation, how: IdMake, to: Column): Promise<IdCell | null> {
    const { writer, connections, target, tables, workerNum } = this.#request
    const keys = await this.#keys(make, to.name)
    if (keys === null) return null
    const [of] = keys
    const key = how.map === null ? null : { column: of!.column, index: of!.at }
    const planned = await planId(
      { at: make.at, make: how, key, to, target, tables, workerNum },
      { writer: writer!, connections },
      this.faults,
    )
    if (planned === null) return null
    this.reasons.push(...planned.reasons)
    this.warnings.push(...planned.warnings)
    return { type: 'id', name: to.name, column: planned.column, ...planned.how }
  }

  /** What is looked up, or has ids, after the steps before that. Null after a fault. */
  async #keys({ at, keys, before }: Computation, name: string): Promise<readonly Positioned[] | null> {
    const placed: Positioned[] = []
    for (const key of keys) {
      const each = 'as' in key ? await this.named(key.as) : this.read(key)
      if (each === null) return null
      placed.push(each)
    }
    if (before.length === 0) return placed
    const changed = this.#steps({ asked: at, name, steps: before }, placed[0]!)
    return changed && [changed]
  }

  #steps(
    asked: Pick<StepsRequest, 'asked' | 'name' | 'steps'>,
    { column, at }: Positioned,
  ): Positioned | null {
    const cell = planSteps({ ...asked, from: column, at }, this.faults)
    return cell && this.#addValue(cell)
  }

  #addValue(value: ValuePlan): Positioned {
    return { column: value.column, at: -this.#values.push(value) }
  }
}

function readCell(name: string, { column, at }: Positioned): ReadCell {
  return { type: 'read', name, column, at }
}
