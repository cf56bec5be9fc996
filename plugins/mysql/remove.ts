import { forEachRow } from '../../src/wire/each-row.js'
import type { Batch, Column, PlannedWrite } from '../../src/contract/plugin.js'
import { charsetOf, identifier, numberLiteral, text } from './sql.js'

/** `DELETE` for the rows whose identity is that of a row of the batch, in case and trailing spaces too. */
export function removeSql(spec: PlannedWrite, rows: Batch): string {
  return `DELETE FROM ${identifier(spec.table.table)} WHERE ${rowConditions(spec, rows)}`
}

/** `UPDATE` for the same rows. The session's time zone is UTC. */
export function flagSql(spec: PlannedWrite, rows: Batch, { name, kind, domain }: Column): string {
  const now = `CURRENT_TIMESTAMP(${domain.fractionDigits ?? 0})`
  const value = kind === 'integer' || kind === 'boolean' ? '1' : now
  return `UPDATE ${identifier(spec.table.table)} SET ${identifier(name)} = ${value} WHERE ${rowConditions(spec, rows)}`
}

function rowConditions(spec: PlannedWrite, rows: Batch): string {
  const at = spec.identity!.map((name) => spec.columns.findIndex(({ target }) => target.name === name))
  const conditions: string[] = []
  forEachRow(rows, (cells) => {
    const parts = at.flatMap((i) => equal(spec.columns[i]!.target, cells[i]!))
    conditions.push(`(${parts.join(' AND ')})`)
  })
  return conditions.join(' OR ')
}

/** The first condition is for the index; the second one is exact where the collation is not. */
function equal(column: Column, cell: Buffer | null): string[] {
  const sql = identifier(column.name)
  const value = cell!
  if (column.cells === 'numbered') return [`${sql} = ${numberLiteral(column, value.toString('latin1'))}`]
  if (column.cells === 'encoded') {
    const hex = value.toString('hex')
    return [`${sql} = _${charsetOf(column)} x'${hex}'`, `CONVERT(${sql} USING binary) = x'${hex}'`]
  }
  switch (column.kind) {
    case 'integer':
    case 'decimal':
    case 'boolean':
    case 'float':
      return [`${sql} = ${numberLiteral(column, value.toString('latin1'))}`]
    case 'bytes': {
      const hex = value.toString('hex')
      return [
        column.domain.maxBits === undefined ? `${sql} = x'${hex}'` : `${sql}+0 = ${BigInt(`0x0${hex}`)}`,
      ]
    }
    default: {
      const literal = text(value.toString())
      const exact = `CAST(CONVERT(${sql} USING utf8mb4) AS BINARY) = CAST(${literal} AS BINARY)`
      return charsetOf(column) === null ? [`${sql} = ${literal}`] : [`${sql} = ${literal}`, exact]
    }
  }
}
