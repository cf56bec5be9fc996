import type { CellPlan, IdPlan, LookupPlan, StagePlan } from '../plugin.js'

/** How a worker thread makes a cell, for people; null: it does not. */
export function describeMaking(cell: CellPlan | undefined, stage: StagePlan | null): string | null {
  const read = (at: number) => {
    const { name, sql } = stage!.reads[at]!
    return sql === undefined ? name : `${name} (pushed down: ${sql.replaceAll(/\s+/g, ' ')})`
  }
  switch (cell?.type) {
    case undefined:
    case 'read':
      return null
    case 'lookup':
      return `made in the worker: ${cell.at.map(read).join(', ')} looked up in ${describeLookup(cell.lookup)}`
    case 'id': {
      const ids = `made in the worker: ${describeIds(cell.ids)}`
      if (cell.map === null) return `${ids} for each row`
      return `${ids} for each ${read(cell.map.at)}, kept in ${cell.map.write.table.table}`
    }
    default:
      return cell satisfies never
  }
}

function describeLookup({ in: place, tables, missing }: LookupPlan): string {
  const columns = tables[0]!.columns.map((column) => column.name)
  const [key, value] = [columns.slice(0, -1).join(', '), columns.at(-1)]
  const names = tables.map(({ table }) => table.table).join(', ')
  const otherwise = {
    error: 'a row with a missing key is rejected',
    'no id': 'a missing key has no id yet',
    skip: 'rows with a missing key are left out',
    value: `a missing key gives ${missing.rule === 'value' ? JSON.stringify(missing.value) : ''}`,
  }[missing.rule]
  return `${place} table ${names} (${key} -> ${value}), ${otherwise}`
}

function describeIds(ids: IdPlan): string {
  const kinds: Readonly<Record<IdPlan['type'], string>> = {
    snowflake: 'a snowflake id',
    uuidv7: 'a UUID of version 7',
    sequence: 'a number of a sequence',
  }
  return kinds[ids.type]
}
