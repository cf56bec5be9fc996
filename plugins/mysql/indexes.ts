import type { DroppableIndex, IndexStatements } from '../../src/sql/index-statements.js'
import { find } from '../../src/sql/tokens.js'
import type { Session } from './connection.js'
import type { DdlItem, TableDdl } from './ddl.js'
import { keyParts, parseTable } from './ddl.js'
import { identifier, text } from './sql.js'

/** What MySQL's DDL threads may sort in: with its default of 1 MiB they write and merge many more files. */
const DDL_BUFFER = 64 << 20

/** The table lacks a column, or has another key of that name, or a column of it has a type, a length or a function that no key can have there. */
const REFUSALS = [
  1054, 1061, 1064, 1069, 1070, 1071, 1072, 1073, 1089, 1167, 1170, 1235, 1252, 1305, 1347, 1391, 1687, 1901,
  3106, 3152, 3753, 3754, 3757, 3758, 3762,
]

/** One ALTER TABLE reads the rows once for all indexes, and a second one on the same table waits for it. */
export const mysqlIndexes: IndexStatements<Session> = {
  secondary: secondaryIndexes,
  async names(session, table) {
    const rows = await session.query(
      `SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${text(table)}`,
    )
    return rows.map(([name]) => name!)
  },
  drop: (table, indexes) => [`${alter(table)}${indexes.map(({ drop }) => drop).join(', ')}`],
  async briefly(session, work) {
    const [row] = await session.query('SELECT @@SESSION.lock_wait_timeout')
    await session.query('SET SESSION lock_wait_timeout = 1')
    try {
      await work()
    } finally {
      await session.query(`SET SESSION lock_wait_timeout = ${row![0]!}`).catch(() => session.destroy())
    }
  },
  steps: (indexes) => (indexes.length === 0 ? [] : [indexes]),
  add(table, step) {
    const clauses = step.map(({ add }) => add.slice(alter(table).length))
    return clauses.length === 0 ? [] : [`${alter(table)}${clauses.join(',\n  ')}`]
  },
  isRefusal: ({ details }) => REFUSALS.includes(Number(details['errno'])),
  together: false,
  /** MariaDB's buffer is the server's own. A user who may not set it does without. */
  async hurry(session, share) {
    const buffer = Math.floor(DDL_BUFFER / share)
    const larger = `GREATEST(@@innodb_ddl_buffer_size, ${buffer})`
    await session.query(`/*!80027 SET SESSION innodb_ddl_buffer_size = ${larger} */`).catch(() => {})
  },
}

function alter(table: string): string {
  return `ALTER TABLE ${identifier(table)}\n  `
}

/**
 * Of tables of InnoDB, which sorts the entries of an index that is added. A full-text index stays, since it takes longer to add than to fill; a
 * spatial one takes as long, and keeps its place among the others.
 */
async function secondaryIndexes(session: Session, table: string): Promise<readonly DroppableIndex[]> {
  const [shown] = await session.query(`SHOW CREATE TABLE ${identifier(table)}`)
  const ddl = parseTable(shown?.[1] ?? '')
  if (!/^InnoDB$/i.test(find(ddl.options, /^ENGINE$/i, /^=$/, /./)?.[2] ?? '')) return []
  const parents = await session.query(
    `SELECT DISTINCT REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
     WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = ${text(table)}`,
  )
  const needed = new Set([...neededColumns(ddl), ...parents.map(([column]) => column!)])
  const isFree = (item: DdlItem) => {
    const [first] = keyParts(item)
    return first == null || !needed.has(first)
  }
  return ddl.items
    .filter((item) => item.kind === 'index' && /^(KEY|INDEX|SPATIAL)$/i.test(item.tokens[0]!) && isFree(item))
    .map(({ name, tokens }) => ({
      name: name!,
      add: `${alter(table)}ADD ${tokens.join('')}`,
      drop: `DROP KEY ${identifier(name!)}`,
    }))
}

/** Columns that an index must begin with at all times: those of foreign keys, and one that is numbered where no key begins with it. */
function neededColumns({ items }: TableDdl): string[] {
  const foreign = items.filter(({ kind }) => kind === 'foreign').flatMap(keyParts)
  const numbered = items.find(({ kind, tokens }) => kind === 'column' && find(tokens, /^AUTO_INCREMENT$/i))
  const hasKey = items.some(
    (item) => ['primary', 'unique'].includes(item.kind) && keyParts(item)[0] === numbered?.name,
  )
  return [...foreign, ...(numbered && !hasKey ? [numbered.name] : [])].filter((name) => name !== null)
}
