// How the conformance suites make and read tables in databases of SQL, by other means than the plugins.
import type { ColumnKind, Task } from '../../src/contract/plugin.js'
import type { CellValue, WantedTable } from '../../src/testing.js'

export type Types = Partial<Readonly<Record<ColumnKind, string>>>

/** `keyText`: the type of texts in a key; `text` writes a literal of any text. */
export interface SqlWriting {
  readonly types: Types
  readonly keyText: string
  readonly name: (name: string) => string
  readonly text: (value: string) => string
}

export function createSql({ name, columns, key }: WantedTable, sql: SqlWriting): string {
  const definitions = columns.map((column) => {
    const inKey = key.includes(column.name)
    const type = column.kind === 'text' && inKey ? sql.keyText : sql.types[column.kind]!
    return `${sql.name(column.name)} ${type} ${column.nullable ? 'NULL' : 'NOT NULL'}`
  })
  const nullable = columns.some((column) => column.nullable && key.includes(column.name))
  const names = key.map(sql.name).join(', ')
  const unique = key.length === 0 ? [] : [`${nullable ? 'UNIQUE' : 'PRIMARY KEY'} (${names})`]
  return `CREATE TABLE ${sql.name(name)} (${[...definitions, ...unique].join(', ')})`
}

/** null: there are no rows. */
export function insertSql({ name, columns, rows }: WantedTable, sql: SqlWriting): string | null {
  if (rows.length === 0) return null
  const literal = (value: CellValue, i: number) => {
    if (value === null) return 'NULL'
    if (Buffer.isBuffer(value)) return `X'${value.toString('hex')}'`
    return isNumber(columns[i]!.kind) ? value : sql.text(value)
  }
  const lines = rows.map((row) => `(${row.map(literal).join(', ')})`)
  return `INSERT INTO ${sql.name(name)} VALUES ${lines.join(', ')}`
}

export function isNumber(kind: ColumnKind): boolean {
  return ['integer', 'decimal', 'float', 'boolean'].includes(kind)
}

export function taskSql(task: Task, sql: SqlWriting): string {
  const fields = Object.entries({
    ...task,
    create_time: '2026-01-01 00:00:00',
    update_time: '2026-01-01 00:00:00',
  })
  const literals = fields.map(([, value]) =>
    value === null ? 'NULL' : typeof value === 'number' ? String(value) : sql.text(value as string),
  )
  return `INSERT INTO task_def_sync_manager (${fields.map(([name]) => name).join(', ')}) VALUES (${literals.join(', ')})`
}
