import type { Batch, PlannedWrite } from '../../src/contract/plugin.js'
import type { Session } from './connection.js'
import { identifier } from './sql.js'
import { insertStatement } from './split-write.js'
import type { Statements } from './statements.js'
import { sameRow, stageName } from './statements.js'

const MOST_LETTERS = 60

/** Which row of the target has a unique value of this one, for people: `id = "2"`. null: not found, for instance on an expression. */
export async function holderOf(session: Session, statements: Statements, row: Batch): Promise<string | null> {
  const { spec, stage } = statements
  await session.send(insertStatement(statements, row))
  try {
    for (const columns of otherKeys(spec)) {
      const [found] = await session.query(holderSql(spec, columns))
      if (found) return spec.identity!.map((name, i) => `${name} = ${JSON.stringify(found[i])}`).join(', ')
    }
    return null
  } finally {
    await session.query(stage!.empty)
  }
}

/** Unique keys by which another row may stand in the way, as far as their columns are copied. */
function otherKeys({ columns, table, identity }: PlannedWrite): (readonly string[])[] {
  const mapped = new Set(columns.map(({ target: { name } }) => name))
  return table.keys
    .map((key) => key.columns)
    .filter((names) => names.join() !== identity!.join() && names.every((name) => mapped.has(name)))
}

function holderSql(spec: PlannedWrite, columns: readonly string[]): string {
  const target = identifier(spec.table.table)
  const stage = identifier(stageName(spec.table.table))
  const equal = columns.map((name) => `${target}.${identifier(name)} = ${stage}.${identifier(name)}`)
  const shown = spec.identity!.map((name) => {
    const bytes = spec.table.columns.find((column) => column.name === name)?.kind === 'bytes'
    const sql = `${target}.${identifier(name)}`
    return `LEFT(${bytes ? `HEX(${sql})` : `CAST(${sql} AS CHAR)`}, ${MOST_LETTERS})`
  })
  return `SELECT ${shown.join(', ')} FROM ${stage} STRAIGHT_JOIN ${target} ON ${equal.join(' AND ')} WHERE NOT (${sameRow(spec, target, stage)}) LIMIT 1`
}
