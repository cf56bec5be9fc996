import { RowshiftError } from '../contract/errors.js'
import type { CastType, Column, ColumnKind, ValueRange } from '../contract/plugin.js'
import type { RegexStep, PipelineStep, StepsCell } from '../contract/computed-columns.js'
import type { Facts } from '../sql/literals.js'
import { typeName } from '../sql/literals.js'
import { noCast, ownText, stepFacts } from '../sql/step-facts.js'

export interface StepsRequest {
  /** Where the user asked for them. */
  readonly asked: string
  /** What the result is called. */
  readonly name: string
  /** The value, and its index. */
  readonly from: Column
  readonly at: number
  readonly steps: readonly PipelineStep[]
}

const NUMBERS: readonly ColumnKind[] = ['integer', 'boolean', 'decimal', 'float', 'text']
const MOMENTS: readonly ColumnKind[] = ['date', 'datetime', 'instant', 'text']

/** How a worker thread takes the steps. Null after a fault. */
export function planSteps(
  { asked, name, from, at, steps }: StepsRequest,
  faults: string[],
): StepsCell | null {
  try {
    const facts = steps.reduce<Facts>(factsAfter, from)
    const { kind, type, nullable, valueRange } = facts
    const column = {
      name,
      kind,
      type,
      nullable,
      valueRange,
      hasDefault: false,
      generated: false,
      ordered: false,
    }
    return { type: 'steps', name, column, at, from, steps, asked }
  } catch (thrown) {
    if (!(thrown instanceof RowshiftError) || thrown.code !== 'PARAMS_INVALID') throw thrown
    faults.push(`${asked}: ${thrown.message}`)
    return null
  }
}

/** The steps in the words of `columns`, for people. */
export function describeSteps(steps: readonly PipelineStep[]): string {
  return steps.map((step) => (step.type === 'cast' ? `cast to ${step.to.name}` : step.type)).join(', ')
}

function factsAfter(value: Facts, step: PipelineStep): Facts {
  if (step.type === 'replace_regex') return regexFacts(value, step)
  if (step.type === 'cast' && !canCast(value, step.to))
    throw new RowshiftError('PARAMS_INVALID', noCast(value, step.to))
  return stepFacts(value, step)
}

/** Where matches are taken away only, nothing gets longer, in characters or in bytes; but a space may come to stand at the end. */
function regexFacts(value: Facts, { patterns }: RegexStep): Facts {
  const { valueRange, nullable } = ownText(value, '"replace_regex"')
  const { maxChars, maxBytes, characters } = valueRange
  const shorter =
    patterns.every(({ by }) => by === '') && !valueRange.dynamic && !valueRange.stripsTrailingSpaces
  const left: ValueRange = {
    ...(maxChars === undefined ? {} : { maxChars }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(characters === undefined ? {} : { characters }),
  }
  const known = shorter ? left : { dynamic: true as const }
  return { kind: 'text', type: typeName('text', known), nullable, valueRange: known }
}

function canCast({ kind }: Facts, to: CastType): boolean {
  if (to.kind === 'text') return kind !== 'bytes'
  return (to.kind === 'date' || to.kind === 'datetime' ? MOMENTS : NUMBERS).includes(kind)
}
