import type { SourceEndpoint } from '../../plan/plan-request.js'
import { RowshiftError } from '../../contract/errors.js'
import type { SourceMark, SplitKey, TableSchema, Window } from '../../contract/plugin.js'
import type { Mode } from '../../contract/run-plan.js'
import type { SourceTable } from '../../contract/source-spec.js'
import { nameIn } from '../../contract/sharding.js'
import { difference } from '../shard/alike.js'
import { parsePattern } from '../shard/pattern.js'
import type { DescribedTables } from '../../plan/described-tables.js'
import { oneTable } from '../../plan/described-tables.js'
import type { KeyChoice } from '../../plan/split-key.js'
import { keyWithin } from '../../plan/split-key.js'
import { singleName, tablesOf } from '../../plan/table-names.js'
import type { SavedWatermarks, WindowRequest } from '../../plan/window.js'
import { chooseWindow } from '../../plan/window.js'
import { counted } from '../../wire/counted.js'

/** Whether a source stands for several tables. */
export function isMany({ table, databases }: { table: string; databases?: unknown }): boolean {
  return databases !== undefined || parsePattern(table).kind !== 'single'
}

/** Throws TABLE_NOT_FOUND, and PARAMS_INVALID when one plan cannot read all tables that it stands for. */
export async function findTables(
  endpoint: SourceEndpoint,
  numbering?: 'each' | 'through',
): Promise<DescribedTables> {
  const { table, several, readers } = endpoint
  if (several) return describeTables(endpoint, await tablesOf(parsePattern(table), readers, numbering))
  const reader = readers[0]!
  const name = singleName(table)
  return oneTable(reader, endpoint.known?.get(name) ?? (await reader.describe(name)))
}

/** The same for several tables that are known by name. */
export async function describeTables(
  { table: name, databases, readers }: SourceEndpoint,
  names: readonly { readonly endpoint: number; readonly table: string }[],
): Promise<DescribedTables> {
  const schemas: TableSchema[] = []
  const sources: SourceTable[] = []
  for (const { endpoint, table } of names) {
    const schema = await readers[endpoint]!.describe(table)
    const { identity, estimatedRows, keys } = schema
    schemas.push(schema)
    sources.push({
      name: nameIn(databases, endpoint, table),
      endpoint,
      table,
      identity,
      estimatedRows,
      keys,
      key: null,
      window: null,
    })
  }
  const [first] = schemas
  if (first === undefined) {
    throw new RowshiftError('TABLE_NOT_FOUND', `There is no table like ${name}. Check the pattern.`, {
      table: name,
    })
  }
  checkAlike(sources, schemas)
  const where = databases.length === 1 ? '' : ` in ${databases.length} databases`
  const whole = { ...first, table: name, estimatedRows: sum(schemas.map((one) => one.estimatedRows)) }
  return {
    table: whole,
    each: sources.map(({ endpoint, table, identity }) => ({
      reader: readers[endpoint]!,
      table: { ...whole, table, identity },
    })),
    sources,
    reasons: [`${name} is ${counted(sources.length, 'table')}${where}: ${listed(sources)}`],
  }
}

function checkAlike(tables: readonly SourceTable[], schemas: readonly TableSchema[]): void {
  const faults = schemas.flatMap((schema, i) => {
    const fault = difference(schemas[0]!, schema, false)
    return fault === null ? [] : [`${tables[i]!.name}: ${fault}`]
  })
  if (faults.length === 0) return
  throw new RowshiftError(
    'PARAMS_INVALID',
    `The tables of the source are not alike. Compared with ${tables[0]!.name}:\n  ${faults.join('\n  ')}\n` +
      'Make them alike, or copy those that differ by a task of their own. Nothing was written.',
    { faults },
  )
}

/** What a run reads, and along which key. */
export interface Reading {
  readonly window: Window | null
  readonly watermarks: Partial<Record<Mode, string>>
  readonly key: SplitKey | null
  /** Why so, the key's own reason last. */
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  readonly delays: readonly string[]
  /** By name. */
  readonly marks: Readonly<Record<string, SourceMark>>
  /** null: the source is one table. */
  readonly sources: readonly SourceTable[] | null
}

/** What decides how one source table is read, without the table itself. */
type ReadingRequest = Omit<WindowRequest, 'reader' | 'source' | 'mark'>

export async function chooseReading(
  request: ReadingRequest,
  tables: DescribedTables,
  whole: KeyChoice,
  splitRows: number,
): Promise<Reading> {
  const { table: source, each, sources } = tables
  if (sources !== null) return readMany(request, { ...tables, sources }, whole, splitRows)
  const { table } = source
  const known = new Map(Object.entries(request.savedWatermarks?.marks?.sources ?? {}))
  const { window, watermarks, mark, warnings } = await chooseWindow({
    ...request,
    reader: each[0]!.reader,
    source,
    mark: known.get(table) ?? null,
  })
  const { key, reason } = window === null ? whole : keyWithin(window, request.params.mode, whole, splitRows)
  const reasons = [...(window?.reasons ?? []), reason]
  const marks = mark === null ? {} : { [table]: mark }
  return { window, watermarks, key, reasons, warnings, delays: window?.delays ?? [], marks, sources }
}

const INCREMENTAL = ['append', 'increment'] as const

/** Each table has a window of its own. What is remembered of them all is one JSON text per mode. */
async function readMany(
  request: ReadingRequest,
  { table: source, each, sources: tables }: DescribedTables & { readonly sources: readonly SourceTable[] },
  whole: KeyChoice,
  splitRows: number,
): Promise<Reading> {
  const { savedWatermarks, params } = request
  if (savedWatermarks?.fromTarget) throw notFromTarget(source.table)
  const old = {
    append: remembered(savedWatermarks, 'append', source),
    increment: remembered(savedWatermarks, 'increment', source),
  }
  const watermarks = {
    append: new Map(Object.entries(old.append)),
    increment: new Map(Object.entries(old.increment)),
  }
  const known = new Map(Object.entries(savedWatermarks?.marks?.sources ?? {}))
  const sources: SourceTable[] = []
  const marks = new Map<string, SourceMark>()
  const warnings: string[] = []
  for (const [i, table] of tables.entries()) {
    const { name } = table
    const before = INCREMENTAL.flatMap((mode) =>
      Object.hasOwn(old[mode], name) ? [[mode, old[mode][name]!]] : [],
    )
    const choice = await chooseWindow({
      ...request,
      reader: each[i]!.reader,
      source: each[i]!.table,
      savedWatermarks: savedWatermarks && {
        ...savedWatermarks,
        watermarks: Object.fromEntries(before) as SavedWatermarks['watermarks'],
      },
      mark: known.get(name) ?? null,
    })
    const { window, watermarks: after, mark } = choice
    if (mark !== null) marks.set(name, mark)
    warnings.push(...choice.warnings.map((text) => `${name}: ${text}`))
    for (const mode of INCREMENTAL) if (after[mode] !== undefined) watermarks[mode].set(name, after[mode])
    const { key } = window === null ? whole : keyWithin(window, params.mode, whole, splitRows)
    sources.push({ ...table, key, window })
  }
  const changed = INCREMENTAL.filter((mode) => params.mode === mode || params.mode === 'init')
  const withWatermarks = changed.filter((mode) => watermarks[mode].size > 0)
  const said = (what: 'reasons' | 'delays') =>
    sources.flatMap(({ name, window }) => (window?.[what] ?? []).map((text) => `${name}: ${text}`))
  return {
    window: null,
    watermarks: Object.fromEntries(
      withWatermarks.map((mode) => [mode, JSON.stringify(Object.fromEntries(watermarks[mode]))]),
    ),
    key: whole.key,
    reasons: [...said('reasons'), whole.reason],
    warnings,
    delays: said('delays'),
    marks: Object.fromEntries(marks),
    sources,
  }
}

function remembered(
  savedWatermarks: SavedWatermarks | null,
  mode: 'append' | 'increment',
  source: TableSchema,
): Readonly<Record<string, string>> {
  const text = savedWatermarks?.watermarks[mode]
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, string>
  } catch {
    // Said below.
  }
  throw new RowshiftError(
    'PARAMS_INVALID',
    `What is remembered of the task is how far one table was copied ("${text}"), and ${source.table} is several. Run it once with --mode init.`,
  )
}

function notFromTarget(table: string): RowshiftError {
  return new RowshiftError(
    'PARAMS_INVALID',
    `How far each table of ${table} was copied cannot be seen in the target. Leave --from-target out; run the task once with --mode init.`,
    { table },
  )
}

function sum(figures: readonly (number | null)[]): number | null {
  return figures.every((figure) => figure === null)
    ? null
    : figures.reduce<number>((total, figure) => total + (figure ?? 0), 0)
}

const LISTED = 8

function listed(tables: readonly SourceTable[]): string {
  const names = tables.slice(0, LISTED).map(({ name }) => name)
  return names.join(', ') + (tables.length > LISTED ? ', …' : '')
}
