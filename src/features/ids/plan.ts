import { randomInt } from 'node:crypto'
import { WORKERS } from './snowflake.js'
import type { Column, ValueRange, TableSchema, Writer } from '../../contract/plugin.js'
import type { IdMapPlan, IdPlan } from '../../contract/computed-columns.js'
import type { IdMake } from '../../task/make.js'
import { planIdMap } from './map-plan.js'
import type { Planned } from '../lookup/plan.js'
import type { NamedConnections } from '../../plan/named-connections.js'

interface IdRequest {
  readonly at: string
  readonly make: IdMake
  /** The column whose values have ids, and its index among what is read; null: every row gets a new one. */
  readonly key: { readonly column: Column; readonly index: number } | null
  readonly to: Column
  readonly target: TableSchema
  /** Tables of the target that are there. */
  readonly tables: readonly string[]
  readonly workerNum: number
}

export interface PlannedId {
  readonly ids: IdPlan
  readonly map: IdMapPlan | null
}

/** Null after a fault. */
export async function planId(
  request: IdRequest,
  { writer, connections }: { writer: Writer; connections: NamedConnections },
  faults: string[],
): Promise<(Planned<PlannedId> & { reasons: readonly string[] }) | null> {
  const { at, make, key, to, workerNum } = request
  if (make.ids.type === 'sequence') {
    if (!writer.skills.sequences) faults.push(`${at}: the target's plugin does not support sequences`)
    if (to.kind !== 'integer') faults.push(`${at}: a sequence makes integers, and ${to.name} is ${to.kind}`)
    if (!writer.skills.sequences || to.kind !== 'integer') return null
  }
  const ids = idPlan(request, writer)
  const column = idColumn(ids, to)
  const reasons = [reasonOf(to, ids, workerNum)]
  if (make.map === null || key === null) return { column, how: { ids, map: null }, warnings: [], reasons }
  if (!connections.connection('target').reader.skills.find) {
    faults.push(`${at}: the target's plugin finds no rows by their keys, so it cannot keep an id map`)
    return null
  }
  const idMap = await planIdMap(
    { at, map: make.map, key: key.column, index: key.index, id: column, to, workerNum },
    writer,
    faults,
  )
  if (idMap === null) return null
  return {
    column: { ...idMap.id, name: to.name },
    how: { ids, map: idMap.plan },
    warnings: [],
    reasons: [...reasons, idMap.reason],
  }
}

function idPlan({ make: { ids, map }, to, target, tables, workerNum }: IdRequest, writer: Writer): IdPlan {
  switch (ids.type) {
    case 'snowflake':
      return {
        type: 'snowflake',
        epoch: ids.epoch,
        // Where numbers cannot be reserved, runs that go on at the same time seldom draw the same.
        worker: ids.worker ?? (writer.skills.sequences ? null : randomInt(WORKERS - workerNum + 1)),
      }
    case 'uuidv7':
      return { type: 'uuidv7', binary: to.kind === 'bytes' }
    case 'sequence': {
      // All tasks that share a map share its numbers.
      const mapColumn = map === null ? null : { table: map.table, column: map.value }
      const home = mapColumn ?? { table: target.table, column: to.name }
      const above = [
        ...tables.map((table) => ({ table, column: to.name })),
        ...(mapColumn ? [mapColumn] : []),
      ]
      const sequence = { name: ids.name ?? `${home.table}.${home.column}`, above }
      return { type: 'sequence', sequence, block: ids.block }
    }
    default:
      return ids satisfies never
  }
}

function idColumn(ids: IdPlan, { name }: Column): Column {
  const column = (kind: Column['kind'], type: string, valueRange: ValueRange): Column => ({
    name,
    type,
    kind,
    nullable: false,
    hasDefault: false,
    generated: false,
    ordered: false,
    valueRange,
  })
  switch (ids.type) {
    case 'snowflake':
      return column('integer', 'bigint', { min: '0', max: '9223372036854775807' })
    case 'uuidv7':
      if (ids.binary) return column('bytes', 'binary(16)', { maxBytes: 16, padded: true })
      return column('text', 'varchar(36)', {
        maxChars: 36,
        characters: { coverage: 'ascii', encoding: 'ascii', maxBytes: 1 },
        stripsTrailingSpaces: true,
        subtypes: ['a UUID'],
      })
    case 'sequence':
      // How far it has got, the target knows.
      return column('integer', 'bigint', { dynamic: true, min: '1' })
    default:
      return ids satisfies never
  }
}

function reasonOf({ name }: Column, ids: IdPlan, workerNum: number): string {
  switch (ids.type) {
    case 'snowflake': {
      const { worker, epoch } = ids
      const workers =
        worker === null ? 'workers reserved in the target' : `workers ${worker} to ${worker + workerNum - 1}`
      return `ids of ${name}: snowflake, ${workers}, epoch ${new Date(epoch).toISOString()}`
    }
    case 'uuidv7':
      return `ids of ${name}: UUIDs of version 7`
    case 'sequence':
      return `ids of ${name}: sequence ${ids.sequence.name} of the target, reserved in blocks of ${ids.block}`
    default:
      return ids satisfies never
  }
}
