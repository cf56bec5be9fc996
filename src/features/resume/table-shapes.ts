/** What the tables of a run, and the files beside them, are known by, so that nobody goes on with it when they are other ones. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RowshiftError } from '../../contract/errors.js'
import type { Reader, Writer } from '../../contract/plugin.js'
import type { RunPlan } from '../../contract/run-plan.js'
import { tableWrites } from '../shard/table-writes.js'
import { sourceState, tableReads } from '../sources/table-reads.js'
import type { TableShape } from './run-state.js'
import { digestsOf, shapeOf } from './run-state.js'

/** The identity of a table that is not there. */
const MISSING = ''

/** Of all tables, each with its name before those of its columns. */
export async function sourceShape({ read }: RunPlan, readers: readonly Reader[]): Promise<TableShape> {
  const shapes: TableShape[] = []
  for (const { reader, spec } of tableReads(readers, read)) {
    const { table } = spec.table
    shapes.push(await shapeAt('source', table, () => reader.describe(table)))
  }
  const { sources } = read
  if (sources === null) return shapes[0]!
  const columns = shapes.flatMap((shape, i) =>
    Object.entries(shape.columns).map(([name, column]): [string, string] => [
      `${sources[i]!.name}.${name}`,
      column,
    ]),
  )
  return {
    identity: JSON.stringify(shapes.map(({ identity }) => identity)),
    columns: Object.fromEntries(columns),
    keys: JSON.stringify(shapes.map(({ keys }) => keys)),
  }
}

/** Shards are alike, so that what tells that one of them was altered is enough. */
export async function targetShape({ write }: RunPlan, writers: readonly Writer[]): Promise<TableShape> {
  const tables = tableWrites(writers, write)
  const shapes: TableShape[] = []
  for (const { writer, spec } of tables)
    shapes.push(await shapeAt('target', spec.table.table, () => writer.describe(spec.table.table)))
  if (write.sharding === null) return shapes[0]!
  const names = write.sharding.shards.map(({ name }) => name)
  return {
    identity: JSON.stringify(shapes.map(({ identity }) => identity)),
    columns: digestsOf(Object.fromEntries(shapes.map(({ columns }, i) => [names[i]!, columns]))),
    keys: JSON.stringify(shapes.map(({ keys }) => keys)),
  }
}

/** One that was dropped meanwhile may be made again. */
export function areSameTables(before: string, now: string): boolean {
  if (before === now || now === MISSING) return true
  if (!before.startsWith('[')) return false
  const [old, present] = [before, now].map((text) => JSON.parse(text) as readonly string[])
  return old!.length === present!.length && old!.every((one, i) => [one, MISSING].includes(present![i]!))
}

async function shapeAt(
  end: string,
  table: string,
  describe: () => ReturnType<Reader['describe']>,
): Promise<TableShape> {
  try {
    return shapeOf(await describe())
  } catch (thrown) {
    const error = RowshiftError.from(thrown)
    if (error.code === 'TABLE_NOT_FOUND') return { identity: MISSING, columns: {}, keys: `${end} ${table}` }
    throw error
  }
}

/** null: a plugin cannot tell, or the database would not. */
export async function stateOf({ read }: RunPlan, readers: readonly Reader[]): Promise<string | null> {
  return (await sourceState(readers, read).catch(() => null))?.identity ?? null
}

/** The module that rows pass through, without what it imports, and tables that are looked up in files. */
export function filesOf({ pipeline }: RunPlan): Record<string, string> {
  if (pipeline === null) return {}
  const module = pipeline.transform === null ? [] : [fileURLToPath(pipeline.transform.module)]
  const tables = [...pipeline.values, ...pipeline.cells].flatMap((cell) =>
    cell.type === 'lookup' && cell.lookup.given?.table.type === 'file' ? [cell.lookup.given.table.path] : [],
  )
  return Object.fromEntries([...module, ...tables].map((path) => [path, contentOf(path)]))
}

function contentOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('base64')
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
