// How the conformance suites make and read tables in PostgreSQL, by other means than the plugin.
import plugin from '../../plugins/postgres/plugin.js'
import type { Column, Connection, Task } from '../../src/contract/plugin.js'
import type { CellValue, SinkSuite, TaskStoreSuite, WantedTable } from '../../src/testing.js'
import { values } from '../../src/testing.js'
import type { SqlWriting } from './conformance-sql.js'
import { createSql, taskSql } from './conformance-sql.js'
import { server } from './context.js'
import { TestDatabase } from './copying.js'

const text = (value: string) => `'${value.replaceAll("'", "''")}'`

const sql: SqlWriting = {
  types: {
    integer: 'bigint',
    decimal: 'numeric',
    float: 'double precision',
    boolean: 'boolean',
    text: 'text',
    bytes: 'bytea',
    json: 'json',
    date: 'date',
    time: 'time',
    datetime: 'timestamp',
    instant: 'timestamptz',
  },
  keyText: 'text',
  name: (name) => `"${name}"`,
  text,
}

function connectionTo({ server: { host, port, user, password }, database }: TestDatabase): Connection {
  return { host, port, user, password, db: database }
}

/** Every literal is in quotes, so that it takes the type of its column. */
function insertSql({ name, rows }: WantedTable): string {
  if (rows.length === 0) return ''
  const literal = (value: CellValue) =>
    value === null ? 'NULL' : text(Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value)
  return `INSERT INTO "${name}" VALUES ${rows.map((row) => `(${row.map(literal).join(', ')})`).join(', ')}`
}

function readSql({ name, columns }: WantedTable): string {
  const cells = columns.map(({ name: column, kind }) => {
    if (kind === 'bytes') return `encode("${column}", 'hex')`
    if (kind === 'boolean') return `"${column}"::int`
    return kind === 'instant' ? `"${column}" AT TIME ZONE 'UTC'` : `"${column}"`
  })
  return `SELECT ${cells.join(', ')} FROM "${name}"`
}

/** For a source too. */
export function postgresSuite(): SinkSuite {
  let database: Promise<TestDatabase> | undefined
  const at = () => (database ??= TestDatabase.create(server('postgres')))
  return {
    plugin,
    kinds: Object.keys(sql.types) as Column['kind'][],
    // It has no text with a NUL character.
    values: { text: values.text.map((value) => value.toString().replaceAll('\0', '')) },
    make: async (table) => {
      await (await at()).query(`SET TIME ZONE 'UTC'; ${createSql(table, sql)}; ${insertSql(table)}`)
      return connectionTo(await at())
    },
    rows: async (table) => {
      const rows = await (await at()).query(readSql(table))
      return rows.map((row) =>
        row.map((cell, i) =>
          cell !== null && table.columns[i]!.kind === 'bytes' ? Buffer.from(cell, 'hex') : cell,
        ),
      )
    },
  }
}

export function postgresStore(): TaskStoreSuite {
  let database: TestDatabase
  return {
    plugin,
    open: async () => {
      database = await TestDatabase.create(server('postgres'))
      return connectionTo(database)
    },
    addTask: async (_connection, task: Task) => void (await database.query(taskSql(task, sql))),
  }
}
