import { closeAll, openAll } from '../../contract/opening.js'
import { RowshiftError } from '../../contract/errors.js'
import type { Reader, TableSchema } from '../../contract/plugin.js'
import { endpointsOf, readersOf } from '../../engine/endpoints.js'
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import { planWith, withEndpoints } from '../../engine/open-endpoints.js'
import { stopped } from '../../engine/run-errors.js'
import { splitRows } from '../../plan/split-rows.js'
import type { Params } from '../../task/params.js'
import { DEFAULT_WORKERS } from '../../task/params.js'
import { repairing } from '../verify/repair-params.js'
import type { VerifyRequest } from '../verify/request.js'
import type { ComparedEnds } from './compared-ends.js'
import { compareEnds } from './compared-ends.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import { planForeignKeys } from './foreign-keys.js'
import { foreignKeyDifferences } from './key-differences.js'
import { isOwnTable, tablesListed, withoutViews } from './plan.js'
import type { DatabaseRequest } from './request.js'
import { checkDatabaseRequest, endsRequest, tableRequest } from './request.js'
import type { SelectedTable, Selection } from './selection.js'
import { namesInTarget, sameTarget, selectCompared } from './selection.js'
import { nameSyntaxes } from './table-naming.js'

export interface ComparisonRequest extends DatabaseRequest {
  /** Whether rows are repaired. */
  readonly repair: boolean
  /** Percent of the splits to compare. */
  readonly sample: number
}

/** One table of either end. */
export interface ComparedTable {
  readonly from: string
  readonly to: string
  /** Which end lacks it; null: both have it. */
  readonly lackedBy: 'source' | 'target' | null
  /** How its rows are compared; null: they cannot be. */
  readonly request: VerifyRequest | null
  /** By statistics, of the source. */
  readonly rows: number | null
  readonly bytes: number | null
  /** One split is expected to hold it. */
  readonly isSmall: boolean
  /** What its columns, defaults, indexes and keys are otherwise, in words. */
  readonly schema: readonly string[]
  readonly warnings: readonly string[]
  /** Why it cannot be compared or repaired. */
  readonly error: RowshiftError | null
}

export interface ComparisonPlan {
  /** Those of the source in the order of their names, then those that only the target has. */
  readonly tables: readonly ComparedTable[]
  readonly leftOut: Selection['leftOut']
  /** Of the target, of tables that are repaired; null: nothing is repaired. */
  readonly foreignKeys: ForeignKeyPlan | null
}

/** Looks at the tables of both databases, and, before a repair, at how each would be written. Changes nothing. */
export async function planComparison(
  request: ComparisonRequest,
  signal: AbortSignal,
): Promise<ComparisonPlan> {
  // It holds for copies only, which each comparison says.
  checkDatabaseRequest({ ...request, params: { ...request.params, consistency: 'split' } })
  const plan = await withReaders(request, signal, (source, target) => look(request, source, target, signal))
  return request.repair ? { ...plan, ...(await planRepairs(request, plan.tables, signal)) } : plan
}

async function look(
  request: ComparisonRequest,
  source: Reader,
  target: Reader | null,
  signal: AbortSignal,
): Promise<ComparisonPlan> {
  const listed = await tablesListed(source, '--from')
  const own = listed.filter(isOwnTable).map((table) => ({ table, reason: OWN_REASON }))
  const targetNames = target === null ? [] : await tablesListed(target, '--to')
  const ours = (names: readonly string[]) => names.filter((name) => !isOwnTable(name))
  const syntaxes = nameSyntaxes(request)
  const { tables, leftOut, extra } = await withoutViews(source, () =>
    selectCompared(ours(listed), ours(targetNames), request.selection, syntaxes),
  )
  const compared: ComparedTable[] = []
  const schemas = new Map<string, TableSchema>()
  const found = new Set<string>()
  const targets = new Map<string, SelectedTable>()
  const sameFamily = request.from.loaded.specifier === request.to.loaded.specifier
  for (const table of tables) {
    if (signal.aborted) throw stopped(signal)
    const ends = await compareEnds(table, source, target, sameFamily).catch((thrown: unknown) =>
      RowshiftError.from(thrown),
    )
    if (ends instanceof RowshiftError) compared.push({ ...unknown(table), error: ends })
    else {
      // Both ends may be one database.
      found.add(ends.source.schema.identity)
      schemas.set(table.from, ends.source.schema)
      if (ends.target !== null) {
        refuseOneTarget(table, ends.target.schema, targets)
        found.add(ends.target.schema.identity)
      }
      compared.push(comparedTable(request, table, ends))
    }
  }
  for (const name of extra)
    if (!(await isFound(name, tables, target!, found)))
      compared.push({ ...unknown({ from: name, to: name }), lackedBy: 'source' })
  const there = compared.filter(({ lackedBy, error }) => lackedBy === null && error === null)
  const inTarget = namesInTarget(request.selection, syntaxes)
  const keys = target && (await foreignKeyDifferences({ source, target, tables: there, inTarget, schemas }))
  return {
    tables: compared.map((table) => ({
      ...table,
      schema: [...table.schema, ...(keys?.get(table.from) ?? [])],
    })),
    leftOut: [...leftOut, ...own],
    foreignKeys: null,
  }
}

/** Names that differ by case only may be those of one table. */
function refuseOneTarget(
  table: SelectedTable,
  { identity }: TableSchema,
  targets: Map<string, SelectedTable>,
): void {
  const other = targets.get(identity)
  if (other !== undefined)
    throw sameTarget(
      other.from,
      table.from,
      `be ${other.to} and ${table.to}, which are one table of the target`,
    )
  targets.set(identity, table)
}

function comparedTable(
  request: ComparisonRequest,
  table: SelectedTable,
  { source, target, differences, warnings }: ComparedEnds,
): ComparedTable {
  const { params, repair, sample } = request
  const { savedWatermarks: _, ...copy } = tableRequest(request, table)
  const isMade = repair && params.schemaSaveMode !== 'error_when_not_exist'
  const { schema } = source
  const { estimatedRows: rows, estimatedRowBytes: rowBytes } = schema
  return {
    ...table,
    lackedBy: target === null ? 'target' : null,
    request: target === null && !isMade ? null : { ...copy, mode: repair ? 'sync' : 'verify', sample },
    rows,
    bytes: rows === null || rowBytes === null ? null : rows * rowBytes,
    isSmall: rows !== null && rows <= splitRows(schema, params, params.workerNum ?? DEFAULT_WORKERS).rows,
    schema: differences,
    warnings,
    error: null,
  }
}

function unknown(table: SelectedTable): ComparedTable {
  return {
    ...table,
    lackedBy: null,
    request: null,
    rows: null,
    bytes: null,
    isSmall: true,
    schema: [],
    warnings: [],
    error: null,
  }
}

/** A name may be that of a table which was found already: it differs by case only, or both ends are one database. */
async function isFound(
  name: string,
  tables: readonly SelectedTable[],
  target: Reader,
  found: ReadonlySet<string>,
): Promise<boolean> {
  const isNamed = (other: string) => other.toLowerCase() === name.toLowerCase()
  if (!tables.some(({ from, to }) => isNamed(from) || isNamed(to))) return false
  return found.has((await target.describe(name)).identity)
}

/**
 * Every table is planned before the first row is repaired. Its foreign keys are not checked while rows come and go, in no order of parents and
 * children: what a repair deletes would take rows of other tables with it.
 */
async function planRepairs(
  request: ComparisonRequest,
  tables: readonly ComparedTable[],
  signal: AbortSignal,
): Promise<Pick<ComparisonPlan, 'tables' | 'foreignKeys'>> {
  const params = repairing(request.params)
  const ends = { ...endsRequest(request), params }
  return withEndpoints(ends, signal, async (endpoints) => {
    const [reader, writer] = [endpoints.readers[0]!, endpoints.writers[0]!]
    // Where none is there, the database may not be, either.
    const selected = tables.filter((table) => table.request !== null && table.lackedBy === null)
    const inTarget = namesInTarget(request.selection, nameSyntaxes(request))
    const foreignKeys =
      selected.length === 0 ? null : await planForeignKeys({ reader, writer, selected, inTarget, params })
    const { session = [] } = foreignKeys ?? {}
    const to = { ...ends.to, session }
    const plan = (open: OpenEndpoints) => plannedRepairs(tables, { params, session }, open, signal)
    const planned =
      session.length === 0 ? await plan(endpoints) : await withEndpoints({ ...ends, to }, signal, plan)
    return { tables: planned, foreignKeys }
  })
}

async function plannedRepairs(
  tables: readonly ComparedTable[],
  { params, session }: { readonly params: Params; readonly session: readonly string[] },
  endpoints: OpenEndpoints,
  signal: AbortSignal,
): Promise<readonly ComparedTable[]> {
  const planned: ComparedTable[] = []
  for (const table of tables) {
    if (signal.aborted) throw stopped(signal)
    const request = table.request && { ...table.request, to: { ...table.request.to, session } }
    const error =
      request === null
        ? table.error
        : await planWith({ ...request, params }, endpoints, signal).then(
            () => null,
            (thrown: unknown) => RowshiftError.from(thrown),
          )
    planned.push({ ...table, request, error })
  }
  return planned
}

const OWN_REASON = 'a table that rowshift made for itself'

/** A connection to each end; null for a target database that does not exist yet and that a repair may make. */
async function withReaders<T>(
  { from, to, params, repair }: ComparisonRequest,
  signal: AbortSignal,
  use: (source: Reader, target: Reader | null) => Promise<T>,
): Promise<T> {
  const [source] = readersOf(from.loaded.plugin, endpointsOf(from, params.session, params.timeZone))
  const [target] = readersOf(to.loaded.plugin, endpointsOf(to, params.session, params.timeZone))
  if (source === undefined || target === undefined) {
    const { type } = source === undefined ? from.loaded : to.loaded
    throw new RowshiftError('PLUGIN_UNKNOWN', `Databases of type "${type}" cannot be compared or repaired.`)
  }
  try {
    await openAll([source], signal)
    const isMade = repair && params.schemaSaveMode !== 'error_when_not_exist'
    const opened = await openAll([target], signal).then(
      () => true,
      (thrown: unknown) => {
        if (isMade && RowshiftError.from(thrown).code === 'TABLE_NOT_FOUND') return false
        throw thrown
      },
    )
    return await use(source, opened ? target : null)
  } finally {
    await closeAll([source, target])
  }
}
