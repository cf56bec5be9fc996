import { describeSteps } from '../plan/step-plan.js'
import type { IdPlan, LookupCell, LookupPlan } from '../contract/computed-columns.js'
import type { CellPlan, PipelinePlan, ValuePlan } from '../contract/pipeline.js'

/** How a worker thread makes a cell, for people; null: it does not. */
export function describeComputation(
  cell: CellPlan | undefined,
  pipeline: PipelinePlan | null,
): string | null {
  switch (cell?.type) {
    case undefined:
      return null
    case 'read': {
      const value = pipeline!.values[cell.at - pipeline!.reads.length]
      return value === undefined ? null : `made in the worker: ${describeValue(value, pipeline!)}`
    }
    case 'lookup':
      return `made in the worker: ${describeValue(cell, pipeline!)}`
    case 'id': {
      const ids = `made in the worker: ${describeIds(cell.ids)}`
      if (cell.map === null) return `${ids} for each row`
      return `${ids} for each ${describeCell(cell.map.at, pipeline!)}, kept in ${cell.map.write.table.table}`
    }
    default:
      return cell satisfies never
  }
}

function describeValue(value: ValuePlan | LookupCell, pipeline: PipelinePlan): string {
  const of = [value.at]
    .flat()
    .map((at) => describeCell(at, pipeline))
    .join(', ')
  return value.type === 'lookup'
    ? `${of} looked up in ${describeLookup(value.lookup)}`
    : `${of}, then ${describeSteps(value.steps)}`
}

function describeCell(at: number, pipeline: PipelinePlan): string {
  const value = pipeline.values[at - pipeline.reads.length]
  if (value !== undefined) return `(${describeValue(value, pipeline)})`
  const { name, sql } = pipeline.reads[at]!
  return sql === undefined ? name : `${name} (pushed down: ${sql.replaceAll(/\s+/g, ' ')})`
}

function describeLookup({ in: database, tables, given, missing }: LookupPlan): string {
  const columns = tables[0]!.columns.map((column) => column.name)
  const [key, value] = [columns.slice(0, -1).join(', '), columns.at(-1)]
  const names = tables.map(({ table }) => table.table).join(', ')
  const otherwise = {
    error: 'a row with a missing key is rejected',
    'no id': 'a missing key has no id yet',
    skip: 'rows with a missing key are left out',
    value: `a missing key gives ${missing.rule === 'value' ? JSON.stringify(missing.value) : ''}`,
  }[missing.rule]
  return `${given ? names : `${database} table ${names}`} (${key} -> ${value}), ${otherwise}`
}

function describeIds(ids: IdPlan): string {
  const kinds: Readonly<Record<IdPlan['type'], string>> = {
    snowflake: 'a snowflake id',
    uuidv7: 'a UUID of version 7',
    sequence: 'a number of a sequence',
  }
  return kinds[ids.type]
}
