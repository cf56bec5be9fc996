/** The file of `--report`. */
import { closeSync, fchmodSync, fstatSync, ftruncateSync, openSync, writeFileSync } from 'node:fs'
import { RowshiftError } from '../contract/errors.js'
import type { RunReport } from '../contract/task-store.js'
import type { DatabaseReport } from '../features/database/report.js'
import type { VerifyReport } from '../features/verify/report.js'
import { printNotice } from './output.js'

type AnyReport = RunReport | DatabaseReport

/** Errors and differences quote keys and values, so nobody else may read them. */
const MODE = 0o600

/**
 * Before the work begins, so that a file that cannot be opened is found out then. A full disk may have room by the time of the
 * report, which otherwise goes to stdout. Throws USAGE.
 */
export function openReport(file: string, text: string): void {
  try {
    write(file, text, false)
  } catch (error) {
    if (codeOf(error) === 'ENOSPC') return
    throw new RowshiftError(
      'USAGE',
      `--report ${file} cannot be written (${codeOf(error)}).`,
      { file },
      error,
    )
  }
}

/** After the work: false, with a notice, when the file cannot be written; what the run ends with stands all the same. */
export function writeReport(file: string, report: AnyReport | readonly AnyReport[]): boolean {
  const quotes = [report].flat().some(quotesRows)
  try {
    write(file, `${JSON.stringify(report, null, 2)}\n`, quotes)
    return true
  } catch (error) {
    printNotice(`--report ${file} could not be written (${codeOf(error)}); the report follows on stdout.`)
    return false
  }
}

/** A file that was there keeps its mode, unless the text quotes rows. A text that does not fit leaves an empty file. */
function write(file: string, text: string, quotesRows: boolean): void {
  const descriptor = openSync(file, 'w', MODE)
  try {
    const isFile = fstatSync(descriptor).isFile()
    if (quotesRows && isFile) fchmodSync(descriptor, MODE)
    try {
      writeFileSync(descriptor, text)
    } catch (error) {
      if (isFile) ftruncateSync(descriptor)
      throw error
    }
  } finally {
    closeSync(descriptor)
  }
}

function quotesRows(report: AnyReport): boolean {
  const { tables } = report as Partial<DatabaseReport>
  if (tables?.some(({ run, error }) => error !== null || (run && quotesRows(run)))) return true
  const { found } = report as Partial<VerifyReport>
  const { warnings = [] } = report as Partial<RunReport>
  return report.error !== null || warnings.length > 0 || found != null
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
