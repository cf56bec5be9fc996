/** How both threads and coordinator open the ends of a run, whether they are one table or many. */
import type { ResolvedConnection } from '../config/config.js'
import type { ShardPlace } from '../plan/plan-request.js'
import type { SourcePlace } from '../plan/plan-request.js'
import type { Endpoint, Plugin, Reader, Writer } from '../contract/plugin.js'
import { ManyReader } from '../features/sources/many-reader.js'
import type { RangeSource } from '../features/sources/range-reader.js'
import { RangeReader } from '../features/sources/range-reader.js'
import { ShardedWriter } from '../features/shard/sharded-writer.js'

export function endpointOf(
  { loaded, connection, databases }: ResolvedConnection,
  session: readonly string[],
  timeZone: string | null = null,
): Endpoint {
  const zone = timeZone === null ? {} : { timeZone }
  const one = { plugin: loaded.specifier, connection, session, ...zone }
  return databases ? { ...one, databases: databases.map((each) => each.connection) } : one
}

/** The endpoint of each database. */
function eachOf({ databases, ...endpoint }: Endpoint): Endpoint[] {
  return (databases ?? [endpoint.connection]).map((connection) => ({ ...endpoint, connection }))
}

/** For planning: the databases of a sharded target; null: the target is one table. */
export function placeOf({ databases }: ResolvedConnection, writer: Writer): ShardPlace | null {
  if (!(writer instanceof ShardedWriter)) return null
  return { databases: databases?.map(({ name }) => name) ?? [''], writers: writer.writers }
}

/** For planning: the databases of a source that is several tables; null: it is one. */
export function originOf({ databases }: ResolvedConnection, reader: Reader): SourcePlace | null {
  if (!(reader instanceof ManyReader)) return null
  return { databases: databases?.map(({ name }) => name) ?? [''], reader }
}

/** `many`: the source is several tables. undefined: the plugin has no reader. */
export function readerOf(plugin: Plugin, source: Endpoint, many: boolean): Reader | undefined {
  if (!many) return plugin.createReader?.(source)
  const readers = eachOf(source).flatMap((each) => plugin.createReader?.(each) ?? [])
  return readers.length === 0 ? undefined : new ManyReader(readers)
}

/** For verification, which looks at all tables range by range. */
export function rangesOf(reader: Reader): RangeSource {
  return reader instanceof ManyReader ? new RangeReader(reader.readers) : reader
}

/** `sharded`: the target is several tables. undefined: the plugin has no writer. */
export function writerOf(plugin: Plugin, target: Endpoint, sharded: boolean): Writer | undefined {
  if (!sharded) return plugin.createWriter?.(target)
  const writers = eachOf(target).flatMap((each) => plugin.createWriter?.(each) ?? [])
  return writers.length === 0 ? undefined : new ShardedWriter(writers)
}
