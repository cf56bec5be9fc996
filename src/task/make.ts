import type { LookupMake } from '../features/lookup/params.js'
/** The parts of an entry of `columns` that a worker thread carries out: `lookup` and `id`. */
import { DEFAULT_EPOCH, LIFETIME, WORKERS } from '../features/ids/snowflake.js'
import type { RawLookup } from '../features/lookup/params.js'
import { lookupFaults, lookupMake } from '../features/lookup/params.js'

/** How the values of a target column are made. */
export type Make = LookupMake | IdMake

export interface IdMake {
  readonly type: 'id'
  readonly ids:
    | {
        readonly type: 'snowflake'
        /** Milliseconds. */
        readonly epoch: number
        /** Number of the first thread; null: any. */
        readonly worker: number | null
      }
    | { readonly type: 'uuidv7' }
    | { readonly type: 'sequence'; readonly name: string | null; readonly block: number }
  /** Where the ids are kept that keys have got; null: every row of every run gets a new one. */
  readonly map: { readonly table: string; readonly key: string; readonly value: string } | null
}

/** What the schema lets through. */
export interface RawMake {
  readonly lookup?: RawLookup
  readonly id?: RawId['type'] | RawId
}

interface RawId {
  readonly type: 'snowflake' | 'uuidv7' | 'sequence'
  readonly map?: { readonly table: string; readonly key?: string; readonly value?: string }
  readonly epoch?: string
  readonly worker?: number
  readonly sequence?: string
  readonly block?: number
}

const BLOCK = 1_000
/** The table in which targets reserve numbers, as documented. */
const SEQUENCES = 'rowshift_sequence'
/** Options that only one type of id has. */
const OPTIONS = { epoch: 'snowflake', worker: 'snowflake', sequence: 'sequence', block: 'sequence' } as const

/** What the schema cannot say. `from`: how many values the entry names; 0: it does not say where values come from. */
export function makeFaults(raw: RawMake, from: number, workerNum: number): string[] {
  const faults: string[] = []
  const { lookup } = raw
  if (lookup && raw.id) faults.push('"lookup" and "id" exclude each other')
  if (lookup) faults.push(...lookupFaults(lookup, from))
  if (raw.id === undefined) return faults
  const id = idOf(raw.id)
  if (id.map && from === 0)
    faults.push('"map" needs "from", "sql" or "template": the keys that ids belong to')
  if (id.map) faults.push(...mapFaults(idMapOf(id.map)))
  if (!id.map && from > 0) faults.push('"from" does nothing for an "id" without "map"')
  for (const [option, type] of Object.entries(OPTIONS)) {
    if (option in id && id.type !== type) faults.push(`"${option}" is for ids of type "${type}"`)
  }
  const epoch = epochOf(id)
  if (Number.isNaN(epoch)) faults.push('"epoch" is not a date and time, like "2020-01-01T00:00:00Z"')
  else if (epoch >= Date.now() || epoch <= Date.now() - LIFETIME)
    faults.push('"epoch" must be in the past, by less than 69 years: 41 bits count the milliseconds since')
  if ((id.worker ?? 0) + workerNum > WORKERS)
    faults.push(
      `"worker" is the number of the first of ${workerNum} threads (worker_num); the last one must be below ${WORKERS}`,
    )
  return faults
}

/** null: the values are read. Paths of files are relative to `folder`. */
export function makeOf({ lookup, id }: RawMake, folder: string): Make | null {
  if (lookup) return lookupMake(lookup, folder)
  return id === undefined ? null : idMake(idOf(id))
}

function idOf(id: NonNullable<RawMake['id']>): RawId {
  return typeof id === 'string' ? { type: id } : id
}

type IdMap = NonNullable<IdMake['map']>

function idMapOf({ table, key = 'old_id', value = 'new_id' }: NonNullable<RawId['map']>): IdMap {
  return { table, key, value }
}

function mapFaults({ table, key, value }: IdMap): string[] {
  const faults: string[] = []
  if (key.toLowerCase() === value.toLowerCase())
    faults.push(`"key" and "value" of "map" are two columns, and both are ${JSON.stringify(key)}`)
  if (table.toLowerCase() === SEQUENCES)
    faults.push(`"map" cannot be kept in ${SEQUENCES}, where numbers are reserved: name another table`)
  return faults
}

function idMake(id: RawId): IdMake {
  const map = id.map ? idMapOf(id.map) : null
  switch (id.type) {
    case 'snowflake':
      return { type: 'id', ids: { type: 'snowflake', epoch: epochOf(id), worker: id.worker ?? null }, map }
    case 'uuidv7':
      return { type: 'id', ids: { type: 'uuidv7' }, map }
    case 'sequence':
      return {
        type: 'id',
        ids: { type: 'sequence', name: id.sequence ?? null, block: id.block ?? BLOCK },
        map,
      }
    default:
      return id.type satisfies never
  }
}

function epochOf({ epoch }: RawId): number {
  return epoch === undefined ? DEFAULT_EPOCH : Date.parse(epoch)
}
