/** What the plan of a comparison tells the user: why each choice was made, and what it does not see. */
import type { TableSchema } from '../../contract/plugin.js'
import type { Sharding } from '../../contract/sharding.js'
import { zoneReasons } from '../../plan/condition.js'
import type { ColumnPair, MappingResult } from '../../plan/mapping.js'
import type { SourceChoice } from '../../plan/shared-steps.js'
import type { KeyChoice } from '../../plan/split-key.js'
import type { SplitShare } from '../../plan/split-rows.js'
import type { PipelineChoice } from '../../plan/pipeline-plan.js'
import type { Params } from '../../task/params.js'
import type { DeletesChoice } from '../deletes/plan.js'
import type { Repeatable } from './repeatable-columns.js'
import type { Ranges } from './ranges.js'
import type { TargetTables } from './target-tables.js'

/** What the steps have decided, in their order. */
export interface VerifyChoices {
  readonly source: SourceChoice
  readonly target: TargetTables
  readonly mapping: MappingResult
  readonly deleting: DeletesChoice
  readonly conditions: Conditions
  readonly computed: Repeatable
  readonly key: KeyChoice
  readonly placement: ShardPlacement
  readonly pipeline: PipelineChoice
  readonly ranges: Ranges
  readonly split: SplitShare
}

/** Of the rows that are compared, on either end. */
export interface Conditions {
  readonly source: string | null
  readonly target: string | null
  /** About the target's; those about the source's are its own. */
  readonly warnings: readonly string[]
}

/** Whether the shard of a row is compared too. */
export interface ShardPlacement {
  /** Of the target, as its rules were given; null: the shard is not compared. */
  readonly sharding: Sharding | null
  readonly warnings: readonly string[]
}

export function reasonsOf(params: Params, choices: VerifyChoices, digest: string): string[] {
  const { source, target, deleting, key, ranges, split } = choices
  return [
    ...source.reasons,
    ...target.reasons,
    key.reason,
    ...(ranges.source === null ? [] : [split.reason]),
    ...ranges.reasons,
    digest,
    ...deleting.reasons,
    ...zoneReasons(params),
  ]
}

export function warningsOf({ consistency }: Params, choices: VerifyChoices): string[] {
  const { source, target, mapping, conditions, computed, placement, pipeline } = choices
  return [
    ...source.warnings.map((warning) => `source: ${warning}`),
    ...conditions.warnings.map((warning) => `target: ${warning}`),
    ...placement.warnings,
    ...notCompared(target.table, { ...mapping, generated: computedByBoth(mapping) }),
    ...computed.fresh.map(
      ({ target: { name } }) =>
        `column ${name} is not compared: each run gives a row a new id, and no map says which`,
    ),
    ...pipeline.warnings,
    ...(consistency === 'snapshot'
      ? [
          'params.consistency is "snapshot", which holds for copies only: each range is looked at in its own moment',
        ]
      : []),
  ]
}

/** Generated columns of both ends. What a repair makes in the threads is compared as it is written, so without these. */
export function computedByBoth({ pairs, generated }: MappingResult): readonly ColumnPair[] {
  return pairs.some(({ make }) => make !== undefined) ? [] : generated
}

/** Columns of either end that nobody chose to leave out. */
function notCompared(target: TableSchema, mapping: MappingResult): string[] {
  const { dropped, generated, pairs } = mapping
  const compared = [...pairs, ...generated].map((pair) => pair.target)
  return [
    ...dropped
      .filter((column) => !generated.some((pair) => pair.source === column))
      .map(({ name }) => `column ${name} is not compared: target ${target.table} has none of that name`),
    ...target.columns
      .filter((column) => column.generated && !compared.includes(column))
      .map(({ name }) => `generated column ${name} of target ${target.table} is not compared with anything`),
  ]
}
