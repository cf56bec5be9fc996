import { resolve } from 'node:path'
import type { RowFileSchema } from '../wire/row-file.js'
import { ROW_FILE_FORMAT } from '../wire/row-file.js'
import { RowshiftError } from '../contract/errors.js'
import type { Column } from '../contract/plugin.js'
import type { RunPlan } from '../contract/run-plan.js'
import type { DirtySetup, SplitCounts } from './messages.js'
import type { StoredLines } from './dirty-pair.js'
import { closePair, continuePair, createPair, readSchema, removePair, setAside } from './dirty-pair.js'
import type { Progress } from './progress.js'
import { counted } from '../wire/counted.js'

/** What is left of the files; null: not needed. */
export interface DirtyFiles {
  readonly dirtyFile: string | null
  readonly dirtyReadFile: string | null
}

/** What earlier attempts of a run have rejected. */
export interface EarlierRows extends StoredLines {
  readonly counts: Pick<SplitCounts, 'dirtyRows'>
  /** With the splits of which only some shards have their rows: `counts` has nothing of these. */
  readonly done: readonly { readonly parts?: Readonly<Record<string, Pick<SplitCounts, 'dirtyRows'>>> }[]
}

export const noDirtyFiles: DirtyFiles = { dirtyFile: null, dirtyReadFile: null }

/**
 * The file for the rows that the target refuses, and its schema beside it; and where the plan has a pipeline, another such
 * pair for the rows that it refuses, as they were read. The threads append to them themselves.
 */
export class DirtyFile {
  /** For the threads. */
  readonly setup: DirtySetup
  /** What there is to say about files that were there. */
  readonly warnings: readonly string[]
  /** How many rows that the run has rejected are in a file of earlier attempts, which it does not go on with. */
  readonly elsewhere: number

  private constructor(setup: DirtySetup, warnings: readonly string[], elsewhere: number) {
    this.setup = setup
    this.warnings = warnings
    this.elsewhere = elsewhere
  }

  /**
   * Makes the files, or goes on with those of earlier attempts of the run. null when the plan tolerates no such row. Those of another run that was killed are set aside.
   * Throws USAGE, and then makes nothing.
   */
  static create(
    runId: string,
    plan: RunPlan,
    named: string | null,
    earlier: EarlierRows | null = null,
  ): DirtyFile | null {
    if (plan.write.errorLimit.record === 0) return null
    const path = resolve(named ?? `rowshift-dirty-${earlier?.executions[0] ?? runId}.tsv`)
    const readFile = plan.pipeline === null ? null : `${path}.read`
    const written = plan.write.columns.map(({ source, target }) => {
      // Nothing is left to be derived when they are copied again.
      const { derivation: _, ...column } = source
      return { ...column, name: target.name }
    })
    let goesOn = false
    const make = (file: string, schema: RowFileSchema) => {
      if (earlier !== null && continuePair(file, schema, earlier)) goesOn = true
      else createPair(file, schema)
    }
    const isOurs = (file: string) => earlier?.executions.includes(readSchema(file)?.runId ?? '') ?? false
    const files = readFile === null ? [path] : [path, readFile]
    const aside = files.flatMap((file) => (isOurs(file) ? [] : setAside(file)))
    make(path, schemaOf(runId, plan, written))
    if (readFile !== null) {
      try {
        make(readFile, {
          ...schemaOf(runId, plan, withDistinctNames(plan.pipeline!.reads)),
          asRead: true,
        })
      } catch (error) {
        if (!isOurs(path) || earlier === null) removePair(path)
        throw error
      }
    }
    const rows = new BigUint64Array(new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT))
    const before = earlier === null ? 0 : rejectedBefore(earlier)
    rows[0] = BigInt(before)
    const elsewhere = goesOn ? 0 : before
    const setup = { file: path, readFile, limit: plan.write.errorLimit.record, rows }
    const warnings = elsewhere === 0 ? aside : [...aside, lostSight(elsewhere, path)]
    return new DirtyFile(setup, warnings, elsewhere)
  }

  /** After the last write: takes away the files that no row came into. `resumable`: somebody may go on with the others. */
  close(resumable = false): DirtyFiles {
    const { file, readFile } = this.setup
    const dirtyReadFile = readFile === null ? null : closePair(readFile, resumable)
    return { dirtyFile: closePair(file, resumable), dirtyReadFile }
  }
}

function rejectedBefore({ counts, done }: EarlierRows): number {
  const parts = done.flatMap((range) => Object.values(range.parts ?? {}))
  return parts.reduce((sum, { dirtyRows }) => sum + dirtyRows, counts.dirtyRows)
}

function lostSight(rows: number, path: string): string {
  const were = rows === 1 ? 'was' : 'were'
  return `${counted(rows, 'row')} that earlier attempts of the run have rejected ${were} left in their file, which is not ${path}: it has another name, was moved, or is on another machine`
}

/** Throws DATA_REJECTED when more rows were refused than `percentage` of those read. */
export function checkPercentage({ write }: RunPlan, { done }: Progress): void {
  const { table } = write.table
  const { percentage } = write.errorLimit
  const { dirtyRows, rowsRead } = done
  if (percentage === null || dirtyRows * 100 <= percentage * rowsRead) return
  const share = ((dirtyRows / rowsRead) * 100).toPrecision(3)
  throw new RowshiftError(
    'DATA_REJECTED',
    `${dirtyRows} of ${counted(rowsRead, 'row')} (${share} %) for ${table} ${dirtyRows === 1 ? 'was' : 'were'} rejected, more than the error_limit of ${percentage} %. ` +
      'All other rows are written; post_sql was not run. Correct the rows and copy the dirty file, or raise error_limit.',
    { table, dirtyRows, rowsRead, percentage },
  )
}

function schemaOf(runId: string, { read, write }: RunPlan, columns: readonly Column[]): RowFileSchema {
  return {
    format: ROW_FILE_FORMAT,
    runId,
    source: read.table.table,
    target: write.table.table,
    columns: columns.map(asWritten),
  }
}

/** Each under a name of its own: what the source has computed of a column may stand beside that column. */
function withDistinctNames(columns: readonly Column[]): Column[] {
  const taken = new Set(columns.flatMap(({ name, sql }) => (sql === undefined ? [name.toLowerCase()] : [])))
  return columns.map((column) => {
    if (column.sql === undefined) return column
    let name = column.name
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${column.name}_${n}`
    taken.add(name.toLowerCase())
    return { ...column, name }
  })
}

/** How the values were derived is of no use to who reads them again; how they stand in the file is. */
function asWritten(column: Column): Column {
  const { sql: _, readAs: __, rowChecks: ___, cells = 'utf8', ...own } = column
  return { ...own, cells: cells === 'reversible' ? 'utf8' : cells }
}
