/** `rowshift bench`: the user's own table, by one setting after another, into a table that is dropped again. */
import type { ResolvedConnection } from '../../config/config.js'
import { RowshiftError } from '../../contract/errors.js'
import type { TableAt } from '../../engine/endpoints.js'
import type { CopyRequest } from '../../engine/copy-request.js'
import { planCopy } from '../../engine/job.js'
import { newRunId } from '../../engine/report.js'
import type { Params } from '../../task/params.js'
import { isMany } from '../sources/plan.js'
import type { Cell, Setting } from './grid.js'
import { AUTOMATIC, fastestOf, firstCells, recommended, sizeCells } from './grid.js'
import { checkTarget, dropLeftOvers, dropTable, scratchName } from './scratch-table.js'
import type { Rate, Trial } from './trial.js'
import { tryCopy } from './trial.js'

export interface BenchRequest {
  readonly from: TableAt
  /** Where the scratch table is made. */
  readonly to: ResolvedConnection
  readonly params: Params
  readonly others: CopyRequest['others']
  /** For all measurements together. */
  readonly seconds: number
}

export interface BenchHooks {
  readonly signal: AbortSignal
  /** Tables that benches which died had left, and which are gone now. */
  readonly onLeftOvers: (tables: readonly string[]) => void
  /** Before anything is created. */
  readonly onBegin: (table: string) => void
  readonly onCell: (cell: Cell) => void
  /** Something else has failed, and then the table could not be dropped either. */
  readonly onNotDropped: (table: string, error: RowshiftError) => void
}

export interface BenchResult {
  readonly table: string
  readonly leftOvers: readonly string[]
  readonly cells: readonly Cell[]
  readonly fastest: Cell
  readonly recommended: Cell
  /** Settings that there was no time for. */
  readonly left: readonly Setting[]
}

/** A shorter measurement tells nothing: in what is left of the time, fewer settings are measured instead. */
const SHORTEST_MS = 1_000
/** For splits that threads have in hand when the time is up. */
const GRACE_MS = 2_000

export async function bench(request: BenchRequest, hooks: BenchHooks): Promise<BenchResult> {
  checkRequest(request)
  await checkTarget(request, hooks.signal)
  const table = scratchName(Date.now() + request.seconds * 2_000 + 60_000)
  const leftOvers = await dropLeftOvers(request)
  if (leftOvers.length > 0) hooks.onLeftOvers(leftOvers)
  // Says what a user may not do before anything is created: who cannot drop tables could not clean up.
  await dropTable(request, table)
  await planCopy(copyRequest(request, table, AUTOMATIC), hooks.signal)
  hooks.onBegin(table)
  const measured = await new Bench(request, table, hooks).run().catch(async (thrown: unknown) => {
    await dropTable(request, table).catch((also: unknown) =>
      hooks.onNotDropped(table, RowshiftError.from(also)),
    )
    throw thrown
  })
  await dropTable(request, table)
  return { table, leftOvers, ...measured }
}

class Bench {
  readonly #request: BenchRequest
  readonly #table: string
  readonly #hooks: BenchHooks
  readonly #deadline: number
  /** What a measurement takes beside copying, as it was last: planning, starting threads, dropping the table. */
  #besideMs = 500
  readonly #cells: Cell[] = []
  readonly #left: Setting[] = []
  /** Ways to write that this target does not have. */
  readonly #impossible = new Set<string | null>()

  constructor(request: BenchRequest, table: string, hooks: BenchHooks) {
    this.#request = request
    this.#table = table
    this.#hooks = hooks
    this.#deadline = performance.now() + request.seconds * 1_000
  }

  async run(): Promise<Omit<BenchResult, 'table' | 'leftOvers'>> {
    const { params, to } = this.#request
    const { workerNum, writePath, readBatch } = params
    const given = { workerNum, writePath, readBatch }
    const paths = to.loaded.plugin.capabilities.writePaths ?? []
    // What is read first comes from the disk, which the others would be spared: this one does not count.
    const warmUp = await this.#try(
      AUTOMATIC,
      Math.max(SHORTEST_MS, this.#share(firstCells(given, paths, true).length + 4)),
    )
    const { plan } = warmUp
    if (plan === null || warmUp.rows === 0) throw nothingMeasured(this.#request, warmUp)
    const hasKey = plan.read.key !== null
    const grid = firstCells(given, inOrder(paths, plan.write.path), hasKey)
    const sizes = given.readBatch === null && hasKey ? 2 : 0
    await this.#measure([AUTOMATIC, ...grid], sizes)
    const best = fastestOf(this.#cells)
    if (best !== null) await this.#measure(sizeCells(given, best, plan.read.splitRows, hasKey), 0)
    // In so little time, it is all that there is.
    if (fastestOf(this.#cells) === null) this.#keep(cellOf(AUTOMATIC, warmUp))
    const fastest = fastestOf(this.#cells)!
    return {
      cells: this.#cells,
      fastest,
      recommended: recommended(this.#cells)!,
      left: this.#left.filter((setting) => setting !== AUTOMATIC),
    }
  }

  /** `more`: settings that come after these. */
  async #measure(settings: readonly Setting[], more: number): Promise<void> {
    for (const [i, setting] of settings.entries()) {
      if (this.#impossible.has(setting.writePath)) continue
      const left = this.#remaining - this.#besideMs
      const milliseconds = Math.max(SHORTEST_MS, this.#share(settings.length - i + more))
      if (left < milliseconds) this.#left.push(setting)
      else this.#keep(await this.#cell(setting, milliseconds))
    }
  }

  async #cell(setting: Setting, milliseconds: number): Promise<Cell> {
    try {
      return cellOf(setting, await this.#try(setting, milliseconds))
    } catch (thrown) {
      const error = RowshiftError.from(thrown)
      if (error.code !== 'PARAMS_INVALID' || setting.writePath === null) throw error
      this.#impossible.add(setting.writePath)
      return { ...cellOf(setting, { rows: 0, bytes: 0, seconds: 0 }), impossible: error.message }
    }
  }

  #keep(cell: Cell): void {
    this.#cells.push(cell)
    this.#hooks.onCell(cell)
  }

  async #try(setting: Setting, milliseconds: number) {
    const { signal } = this.#hooks
    const began = performance.now()
    await dropTable(this.#request, this.#table)
    const times = { milliseconds, most: this.#remaining + GRACE_MS }
    const trial = await tryCopy(copyRequest(this.#request, this.#table, setting), times, signal)
    this.#besideMs = Math.max(0, performance.now() - began - milliseconds)
    return trial
  }

  get #remaining(): number {
    return this.#deadline - performance.now()
  }

  /** Milliseconds of copying for each of so many measurements, in the time that is left. */
  #share(measurements: number): number {
    return this.#remaining / measurements - this.#besideMs
  }
}

function nothingMeasured({ from, seconds }: BenchRequest, { cutOff }: Trial): RowshiftError {
  return new RowshiftError(
    'USAGE',
    cutOff
      ? `No row of ${from.table} arrived within ${seconds} seconds: give more --seconds.`
      : `${from.table} has no rows: there is nothing to measure.`,
  )
}

function cellOf(setting: Setting, { rows, bytes, seconds }: Rate): Cell {
  const per = (amount: number) => (seconds > 0 ? amount / seconds : 0)
  return { ...setting, rows, seconds, rowsPerSecond: per(rows), bytesPerSecond: per(bytes), impossible: null }
}

function copyRequest(
  { from, to, params, others = {} }: BenchRequest,
  table: string,
  setting: Setting,
): CopyRequest {
  const { workerNum, writePath, readBatch } = params
  return {
    runId: newRunId(),
    taskId: null,
    from,
    to: { ...to, table },
    params: {
      ...params,
      workerNum: setting.workerNum ?? workerNum,
      writePath: setting.writePath ?? writePath,
      readBatch: setting.readBatch ?? readBatch,
      targetKey: null,
      schemaSaveMode: 'create_when_not_exist',
      // Most copies meet a table with its indexes.
      deferIndexes: false,
    },
    others,
  }
}

/** Throws USAGE or PARAMS_INVALID for what is not measured, or would change more than the scratch table. */
function checkRequest({ from, to, params }: BenchRequest): void {
  if (isMany(from) || to.databases !== undefined)
    throw new RowshiftError('USAGE', 'rowshift bench measures one table, and copies it into one database.')
  const makesIds = (params.columns ?? []).some((entry) => entry !== '*' && entry.make?.type === 'id')
  const refused = Object.entries({
    [`mode "${params.mode}"`]: params.mode !== 'init',
    shard: params.shard !== null,
    deletes: params.deletes !== null,
    pre_sql: params.preSql.length > 0,
    post_sql: params.postSql.length > 0,
    // A file of rejected rows would be left, of each measurement.
    error_limit: params.errorLimit.record > 0,
    dirty_file: params.dirtyFile !== null,
    'consistency "snapshot"': params.consistency !== 'split',
    '"id" in columns': makesIds,
  }).flatMap(([name, given]) => (given ? [name] : []))
  if (refused.length > 0)
    throw new RowshiftError(
      'PARAMS_INVALID',
      `rowshift bench only reads the source, and changes nothing but a table of its own, so it does not take ${refused.join(', ')}. Leave that out: it does not decide which threads and ways to write are fastest.`,
    )
}

function inOrder(paths: readonly string[], chosen: string): readonly string[] {
  return [...paths].sort((a, b) => Number(b === chosen) - Number(a === chosen))
}
