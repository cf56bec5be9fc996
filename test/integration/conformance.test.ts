// The suites of rowshift/testing on every plugin that comes with rowshift.
import { writeFileSync } from 'node:fs'
import { before, describe, it } from 'mocha'
import file from '../../plugins/file/plugin.js'
import mysql from '../../plugins/mysql/plugin.js'
import type { Column, Connection } from '../../src/contract/plugin.js'
import { BatchBuilder } from '../../src/contract/plugin.js'
import type { CellValue, WantedTable } from '../../src/testing.js'
import { describeSink, describeSource, describeTaskStore } from '../../src/testing.js'
import type { SqlWriting } from '../support/conformance-sql.js'
import { createSql, insertSql, taskSql } from '../support/conformance-sql.js'
import { postgresStore, postgresSuite } from '../support/conformance-postgres.js'
import { sqliteStore, sqliteSuite } from '../support/conformance-sqlite.js'
import { server } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'
import type { MysqlKind } from '../support/servers.js'

const runner = { describe, it }

for (const kind of ['mariadb', 'mysql'] as const) describe(`conformance of ${kind}`, () => onServer(kind))
describe('conformance of PostgreSQL', onPostgres)
describe('conformance of SQLite', onSqlite)
describe('conformance of row files', onRowFiles)

function onServer(kind: MysqlKind): void {
  const sql: SqlWriting = {
    types: {
      integer: 'BIGINT',
      decimal: 'DECIMAL(65,30)',
      float: 'DOUBLE',
      text: 'MEDIUMTEXT',
      bytes: 'BLOB',
      json: 'JSON',
      date: 'DATE',
      time: 'TIME(6)',
      datetime: 'DATETIME(6)',
      instant: 'TIMESTAMP(6)',
    },
    keyText: 'VARCHAR(50)',
    name: (name) => `\`${name}\``,
    text: (value) => `CONVERT(X'${Buffer.from(value).toString('hex')}' USING utf8mb4)`,
  }
  const kinds = Object.keys(sql.types) as Column['kind'][]
  let db: TestDatabase
  before(async () => {
    db = await TestDatabase.create(server(kind))
  })
  const connectionTo = ({ server: { host, port, user, password }, database }: TestDatabase): Connection => ({
    host,
    port,
    user,
    password,
    db: database,
  })
  const make = async (table: WantedTable): Promise<Connection> => {
    const insert = insertSql(table, sql)
    await db.query(`SET time_zone = '+00:00'; ${createSql(table, sql)}; ${insert ?? ''}`)
    return connectionTo(db)
  }
  const rows = async ({ name, columns }: WantedTable): Promise<CellValue[][]> => {
    const cells = columns.map((column) =>
      column.kind === 'bytes' ? `HEX(\`${column.name}\`)` : `\`${column.name}\``,
    )
    const found = await db.query(`SET time_zone = '+00:00'; SELECT ${cells.join(', ')} FROM \`${name}\``)
    return found.map((row) =>
      row.map((cell, i) => (cell === null || columns[i]!.kind !== 'bytes' ? cell : Buffer.from(cell, 'hex'))),
    )
  }
  describeSource(kind, { plugin: mysql, kinds, make }, runner)
  describeSink(kind, { plugin: mysql, kinds, make, rows }, runner)
  describeTaskStore(
    kind,
    {
      plugin: mysql,
      open: async () => {
        db = await TestDatabase.create(server(kind))
        return connectionTo(db)
      },
      addTask: async (_connection, task) => void (await db.query(taskSql(task, sql))),
    },
    runner,
  )
}

function onPostgres(): void {
  describeSource('PostgreSQL', postgresSuite(), runner)
  describeSink('PostgreSQL', postgresSuite(), runner)
  describeTaskStore('PostgreSQL', postgresStore(), runner)
}

function onSqlite(): void {
  describeSource('SQLite', sqliteSuite, runner)
  describeSink('SQLite', sqliteSuite, runner)
  describeTaskStore('SQLite', sqliteStore, runner)
}

/** A file is one table, without a key; what wrote it has left the schema. */
function onRowFiles(): void {
  const kinds = [
    'integer',
    'decimal',
    'float',
    'boolean',
    'text',
    'bytes',
    'json',
    'date',
    'time',
    'datetime',
    'instant',
  ] as const
  const make = async (table: WantedTable): Promise<Connection> => {
    const path = scratchFile('tsv')
    const columns: Column[] = table.columns.map(({ name, kind, nullable }) => ({
      name,
      type: kind,
      kind,
      nullable,
      hasDefault: false,
      generated: false,
      ordered: true,
      valueRange: {},
    }))
    const builder = new BatchBuilder({ bytes: 1 << 24, rows: Infinity })
    for (const row of table.rows) {
      for (const value of row) {
        if (value === null) builder.appendNull()
        else builder.appendBytes(Buffer.from(value))
      }
      for (const reason of ['DATA_REJECTED', 'a', 'why not']) builder.appendPlain(reason)
      builder.endRow()
    }
    writeFileSync(path, builder.take()?.bytes ?? '')
    writeFileSync(`${path}.json`, JSON.stringify({ format: 'rowshift-rows-1', columns }))
    return { path }
  }
  describeSource('row file', { plugin: file, kinds, keys: false, make }, runner)
}
