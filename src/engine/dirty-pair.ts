/** A file for rejected rows and its schema beside it, on the disk. */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import type { RowFileSchema } from '../wire/row-file.js'
import { REASON_CELLS, ROW_FILE_FORMAT, schemaFileOf } from '../wire/row-file.js'
import { LF, TAB } from '../wire/batch.js'
import { BatchBuilder } from '../wire/builder.js'
import { RowshiftError } from '../contract/errors.js'
import { log } from '../log.js'

/** Rows hold what the tables hold, so nobody else may read them. */
const MODE = 0o600

/** Pairs that runs of this process write: a process id alone does not tell those from a run that was killed. */
const open = new Set<string>()

/** Makes both files, or neither. Takes empty ones that are there, but nobody's rows. Throws USAGE. */
export function createPair(path: string, schema: RowFileSchema): void {
  const writer = { host: hostname(), pid: process.pid }
  createFile(path, '')
  try {
    createFile(schemaFileOf(path), textOf({ ...schema, writer }))
  } catch (error) {
    rmSync(path)
    throw error
  }
  open.add(path)
}

/** What is known of lines that earlier attempts of a run have left. */
export interface StoredLines {
  /** Of the run, by id. */
  readonly executions: readonly string[]
  /** The names of splits, at the ends of lines, that are stored. */
  readonly rejected: readonly string[]
}

/**
 * Goes on with a file of an earlier attempt, without the lines of splits that are not stored: they are written again. False: there is no such file,
 * on this machine.
 */
export function continuePair(
  path: string,
  schema: RowFileSchema,
  { executions, rejected }: StoredLines,
): boolean {
  const left = readSchema(path)
  if (left === null || !executions.includes(left.runId)) return false
  if (left.writer !== undefined && isAlive(path, left.writer)) return false
  const next = `${path}.next`
  try {
    writeFileSync(next, linesOf(readFileSync(path), rejected), { mode: MODE })
    renameSync(next, path)
    const writer = { host: hostname(), pid: process.pid }
    writeFileSync(schemaFileOf(path), textOf({ ...schema, writer }), { mode: MODE })
  } catch (error) {
    throw unusable(path, `of run ${left.runId} cannot be gone on with`, error)
  }
  open.add(path)
  return true
}

/** Those that end with one of these names. One that has no end was not stored, nor was its split. */
function linesOf(bytes: Buffer, names: readonly string[]): Buffer {
  const cells = new Set(names.map(cellOf))
  const lines: Buffer[] = []
  for (let start = 0, end = bytes.indexOf(LF); end >= 0; start = end + 1, end = bytes.indexOf(LF, start)) {
    const line = bytes.subarray(start, end + 1)
    if (cells.has(line.toString('latin1', line.lastIndexOf(TAB) + 1, line.length - 1))) lines.push(line)
  }
  return Buffer.concat(lines)
}

/** Takes the names of splits off the lines: nobody goes on with the file. */
function withoutSplits(path: string, columns: number): void {
  const bytes = readFileSync(path)
  const lines: Buffer[] = []
  let named = false
  for (let start = 0, end = bytes.indexOf(LF); end >= 0; start = end + 1, end = bytes.indexOf(LF, start)) {
    const line = bytes.subarray(start, end)
    const has = cellsIn(line) > columns + REASON_CELLS.length
    named ||= has
    lines.push(has ? line.subarray(0, line.lastIndexOf(TAB)) : line, Buffer.of(LF))
  }
  if (!named) return
  const next = `${path}.next`
  try {
    writeFileSync(next, Buffer.concat(lines), { mode: MODE })
    renameSync(next, path)
  } finally {
    rmSync(next, { force: true })
  }
}

function cellsIn(line: Buffer): number {
  let cells = 1
  for (let at = line.indexOf(TAB); at >= 0; at = line.indexOf(TAB, at + 1)) cells++
  return cells
}

/** As it stands in a line. */
function cellOf(text: string): string {
  const line = new BatchBuilder({ bytes: 64, rows: 1 })
  line.appendBytes(Buffer.from(text))
  return line.buffer.toString('latin1', 0, line.length - 1)
}

export function removePair(path: string): void {
  for (const each of [path, schemaFileOf(path)]) rmSync(each, { force: true })
  open.delete(path)
}

/**
 * Takes the files away when they hold no row; otherwise resolves to the path. Rows that are written are not undone by a folder
 * that can no longer be changed, so nothing is thrown.
 */
export function closePair(path: string, resumable: boolean): string | null {
  open.delete(path)
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size === 0) {
      removePair(path)
      return null
    }
    const { writer: _, ...schema } = readSchema(path)!
    if (!resumable) withoutSplits(path, schema.columns.length)
    const [file, next] = [schemaFileOf(path), schemaFileOf(`${path}.next`)]
    // A full disk must not leave half a schema.
    try {
      writeFileSync(next, textOf(schema), { mode: MODE })
      renameSync(next, file)
    } finally {
      rmSync(next, { force: true })
    }
  } catch (error) {
    log.warn({ err: error }, `the file for rejected rows ${path} could not be closed`)
  }
  return path
}

/** Moves the files of a run that was killed out of the way, rows and all; resolves to what there is to say about it. */
export function setAside(path: string): string[] {
  const left = readSchema(path)
  if (left?.writer === undefined || isAlive(path, left.writer)) return []
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) {
    removePair(path)
    return []
  }
  const aside = `${path}.${left.runId}`
  try {
    renameSync(path, aside)
    renameSync(schemaFileOf(path), schemaFileOf(aside))
  } catch (error) {
    throw unusable(path, `of run ${left.runId}, which did not end, cannot be moved away`, error)
  }
  return [`run ${left.runId} did not end; the rows that it rejected were moved to ${aside}`]
}

/** A process of another machine cannot be asked for, so it counts as alive. */
function isAlive(path: string, { host, pid }: NonNullable<RowFileSchema['writer']>): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid) return open.has(path)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** null: there is none. */
export function readSchema(path: string): RowFileSchema | null {
  try {
    const schema = JSON.parse(readFileSync(schemaFileOf(path), 'utf8')) as RowFileSchema
    return schema.format === ROW_FILE_FORMAT ? schema : null
  } catch {
    return null
  }
}

function textOf(schema: RowFileSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`
}

function createFile(path: string, text: string): void {
  try {
    const file = openSync(path, 'a', MODE)
    try {
      const facts = fstatSync(file)
      if (!facts.isFile()) throw unusable(path, 'is not a regular file')
      if (facts.size > 0) throw unusable(path, `is there already and not empty${ownerOf(path)}`)
      fchmodSync(file, MODE)
      writeFileSync(file, text)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof RowshiftError) throw error
    throw unusable(path, `cannot be written (${(error as NodeJS.ErrnoException).code})`, error)
  }
}

/** A file that another run is writing, or was when its machine went away. */
function ownerOf(path: string): string {
  const writer = (readSchema(path) ?? readSchema(path.replace(/\.json$/, '')))?.writer
  return writer === undefined ? '' : `: process ${writer.pid} on ${writer.host} writes it, or died there`
}

function unusable(path: string, fault: string, cause?: unknown): RowshiftError {
  return new RowshiftError(
    'USAGE',
    `The file for rejected rows ${path} ${fault}. Nothing was written; move it away, or name another "dirty_file".`,
    { file: path },
    cause,
  )
}
