/** What the engines of tables do with rows. */
import type { Message, WriteSpec } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
/** Engines that can roll a split back. */
const TRANSACTIONAL = new Set(['innodb', 'rocksdb', 'tokudb', 'ndbcluster'])

/** These keep every value that they have accepted; of others nobody here knows. */
const KNOWN = new Set([...TRANSACTIONAL, 'myisam', 'aria', 'memory', 'archive', 'csv'])

/** Tables that are a name for rows in other tables, files or servers. */
const ELSEWHERE = new Set(['federated', 'connect', 'spider', 's3', 'mrg_myisam', 'sphinx', 'oqgraph'])

/** Whatever is written is gone. */
const NOWHERE = new Set(['blackhole', 'example'])

/** Whether tables of the engine hold no rows of their own. */
export function holdsNoRows(engine: string): boolean {
  return isElsewhere(engine) || NOWHERE.has(engine.toLowerCase())
}

/** What is declared of such a table need not hold for its rows, and this server does not see who writes to them. */
export function isElsewhere(engine: string): boolean {
  return ELSEWHERE.has(engine.toLowerCase())
}

/** null: a view. */
export function isTransactional(engine: string | null): boolean {
  return engine === null || TRANSACTIONAL.has(engine.toLowerCase())
}

/** Throws TABLE_NOT_FOUND or LOSSY where rows would not arrive, or not be seen to; resolves to warnings. */
export function checkEngine(spec: WriteSpec, { engine, kind }: TableFacts): Message[] {
  const {
    table: { table },
    columns,
  } = spec
  if (kind !== 'table') {
    throw new RowshiftError(
      'TABLE_NOT_FOUND',
      `${table} is a ${kind}; rows can be written to a table only. Name the table that holds them.`,
      { table },
    )
  }
  if (engine === null) return []
  const name = engine.toLowerCase()
  if (NOWHERE.has(name)) throw engineError(table, engine, 'stores nothing: every row would be gone')
  if (ELSEWHERE.has(name)) {
    throw engineError(
      table,
      engine,
      'keeps its rows in other tables, files or servers, so that nobody can see how they arrive there',
    )
  }
  const floats = columns.filter(({ target }) => target.kind === 'float').map(({ target }) => target.name)
  if (name === 'csv' && floats.length > 0) {
    throw engineError(table, engine, `keeps floats as text that loses digits (${floats.join(', ')})`)
  }
  return [
    ...(TRANSACTIONAL.has(name)
      ? []
      : [
          {
            text: 'Target table {table} uses engine {engine}, which cannot roll back: rows of a failed split stay.',
            slots: { engine },
          },
        ]),
    ...(KNOWN.has(name)
      ? []
      : [
          {
            text: 'engine {engine} of target {table} may keep values otherwise than they are written: verify the copy',
            slots: { engine },
          },
        ]),
  ]
}

function engineError(table: string, engine: string, why: string): RowshiftError {
  return new RowshiftError(
    'LOSSY',
    `Target table ${table} uses engine ${engine}, which ${why}. Copy into a table of an engine such as InnoDB. Nothing was written.`,
    { table, engine },
  )
}

/** What only the writer needs to know about a table. */
export interface TableFacts {
  readonly engine: string | null
  /** Rows are written to tables only. */
  readonly kind: 'table' | 'view' | 'sequence'
  readonly autoIncrement: boolean
  /** Of any kind, also on prefixes and expressions. */
  readonly uniqueKeys: number
  /** Whether it has any that the user may see. */
  readonly triggers: boolean
}
