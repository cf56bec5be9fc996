/** `rowshift resume` of the copy of a database between two URLs. */
import { RowshiftError } from '../contract/errors.js'
import { newRunId } from '../engine/report.js'
import { findNotes } from '../features/database/copy-note.js'
import { rowsDigest } from '../features/database/done-table.js'
import type { DatabaseRequest } from '../features/database/request.js'
import { copyRequested } from './copy-database.js'
import type { HostOptions, ReportOptions, TablesOptions, CommonOptions } from './options.js'
import { databasesRequest, withCreation } from './requests.js'

interface ResumeOfUrls extends CommonOptions, ReportOptions, TablesOptions, HostOptions {
  readonly run: string
  readonly from: string
  readonly to: string
}

const NO_SELECTION = { tables: undefined, exclude: undefined, rename: undefined, onTableError: undefined }

/** As it was asked for: nobody has to say again which tables, and whether they are made. Resolves to the exit code. */
export async function resumeDatabase(options: ResumeOfUrls): Promise<number> {
  const request = await databasesRequest(newRunId(), { ...options, ...NO_SELECTION })
  return copyRequested(request, options, (signal) => asNotedOf(options.run, request, signal))
}

async function asNotedOf(
  wanted: string,
  request: DatabaseRequest,
  signal: AbortSignal,
): Promise<DatabaseRequest> {
  const notes = await findNotes(request, signal)
  const note = wanted === 'latest' ? notes[0] : notes.find(({ run }) => run === wanted)
  if (note === undefined) throw nothingNoted(wanted)
  const { rows, consistency } = note
  if (rows !== rowsDigest(request.params) || consistency !== request.params.consistency)
    throw otherRows(note.run)
  const { selection, creates, objects } = note
  const params = withCreation(request.params, creates)
  return { ...request, selection, params, ...(objects && { objects }) }
}

function nothingNoted(run: string): RowshiftError {
  const which = run === 'latest' ? 'an unfinished copy' : `run ${run}`
  return new RowshiftError(
    'RESUME_REFUSED',
    `The target has no note of ${which} between these databases, so there is nothing to go on with: it has ended, or was killed before its first row, or it is one that is simply run again ` +
      '(write_mode "upsert", "ignore" or "replace", a mode other than "init"). Run the same "rowshift copy" again; "rowshift verify --from URL --to URL" names the tables that differ.',
  )
}

function otherRows(run: string): RowshiftError {
  return new RowshiftError(
    'RESUME_REFUSED',
    `Run ${run} was to copy other rows, or to make something else of them, than this command says: give it the same "where", "deletes", "transform", "session", "time_zone" and "consistency" (--param or --params). ` +
      'To copy what is left by other params, run "rowshift copy". Nothing was written.',
  )
}
