/** The tables of a benchmark: `source` on one instance or on both, and an empty `target`. */
import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { Instance } from './instances.js'
import type { Shape } from './tables.js'
import { createTable, fill, shapeOf } from './tables.js'

export class Pair {
  readonly source: Instance
  readonly target: Instance
  readonly rows: number

  private constructor(source: Instance, target: Instance, rows: number) {
    this.source = source
    this.target = target
    this.rows = rows
  }

  /** The source is on the target's instance as well, for what the server does by itself. */
  static async prepare(
    source: Instance,
    target: Instance,
    { rows, shape = shapeOf('ten'), indexed = true }: PairOptions,
  ): Promise<Pair> {
    for (const { connection } of new Set([source, target])) {
      await connection.query('DROP TABLE IF EXISTS source, target')
      await connection.query(createTable('source', shape, indexed))
      for (const sql of fill('source', rows, shape)) await connection.query(sql)
    }
    await target.connection.query('CREATE TABLE target LIKE source')
    return new Pair(source, target, rows)
  }

  async empty(): Promise<void> {
    await this.target.connection.query('CREATE TABLE IF NOT EXISTS target LIKE source')
    await this.target.connection.query('TRUNCATE TABLE target')
  }

  async drop(): Promise<void> {
    await this.target.connection.query('DROP TABLE IF EXISTS target')
  }

  /** By the servers. */
  async isExact(table = 'target'): Promise<boolean> {
    const [source, target] = [
      await checksum(this.source.connection, 'source'),
      await checksum(this.target.connection, table),
    ]
    return source === target
  }

  async check(what: string): Promise<void> {
    if (!(await this.isExact())) throw new Error(`${what}: CHECKSUM TABLE differs between source and target`)
  }
}

interface PairOptions {
  readonly rows: number
  readonly shape?: Shape
  readonly indexed?: boolean
}

async function checksum(connection: Connection, table: string): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>(`CHECKSUM TABLE ${table}`)
  return String(row!['Checksum'])
}
