import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RowFileSchema } from '../wire/row-file.js'
import { fromUrl } from '../config/config.js'
import { readSchema } from '../engine/dirty-pair.js'
import type { CopyRequest } from '../engine/copy-request.js'
import { RowshiftError } from '../contract/errors.js'
import { singleName } from '../plan/table-names.js'
import type { ColumnEntry } from '../task/columns.js'
import type { Params } from '../task/params.js'

/** Options that say where a run begins or what it makes, beside `--retry`. */
interface Others {
  readonly mode?: string | undefined
  readonly fromTarget: boolean
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly create?: boolean
}

/**
 * The run that rejected rows once more (`--retry FILE`), with the rows read from the file. What belongs to a whole copy
 * (`where`, `pre_sql`, `post_sql`, `schema_save_mode`, watermarks) plays no part. Throws USAGE.
 */
export async function retried(request: CopyRequest, file: string, others: Others): Promise<CopyRequest> {
  const also = [
    others.mode === undefined ? [] : ['--mode'],
    others.fromTarget ? ['--from-target'] : [],
    others.since === undefined ? [] : ['--since'],
    others.until === undefined ? [] : ['--until'],
    others.create ? ['--create'] : [],
  ].flat()
  if (also.length > 0)
    throw new RowshiftError('USAGE', `--retry copies the rows of a file: leave out ${also.join(' and ')}.`)
  const path = resolve(file)
  const from = await fromUrl(pathToFileURL(path).href, '--retry')
  // Without a schema that can be read, whoever opens the file says so.
  const schema = readSchema(path)
  if (schema !== null) checkTarget(request, schema, file)
  const { runId, params } = request
  if (schema?.asRead && params.deletes?.targetFlag != null)
    throw new RowshiftError(
      'USAGE',
      `${file} has rows as they were read, without the flag that "deletes" makes of them: copy them with mode "sync".`,
    )
  return {
    ...request,
    from,
    lookupSource: request.from,
    savedWatermarks: null,
    backfill: null,
    params: {
      ...params,
      ...(schema?.asRead ? asRead(params, schema) : asWritten(params, schema)),
      mode: 'init',
      key: null,
      targetKey: null,
      diffColumn: null,
      deletes: null,
      lag: null,
      overlap: 0,
      where: null,
      timeZone: null,
      consistency: 'split',
      schemaSaveMode: 'error_when_not_exist',
      deferIndexes: false,
      preSql: [],
      postSql: [],
      // The named one holds the rows of the earlier run.
      dirtyFile: params.dirtyFile && `${params.dirtyFile}.${runId}`,
    },
  }
}

type Mapped = Pick<Params, 'columns' | 'allowLossy' | 'transform'>

/** The file has only the columns that were read, and those that were left out on purpose were not. */
function asRead({ columns, allowLossy, transform }: Params, schema: RowFileSchema): Mapped {
  const names = new Set(schema.columns.map(({ name }) => name.toLowerCase()))
  const isLeftOut = (entry: ColumnEntry) =>
    entry !== '*' &&
    entry.to === null &&
    entry.origin?.type === 'column' &&
    !names.has(entry.origin.name.toLowerCase())
  return {
    columns: columns?.filter((entry) => !isLeftOut(entry)) ?? null,
    allowLossy: allowLossy.filter((name) => names.has(name.toLowerCase())),
    transform,
  }
}

/** The columns of the file are those of the target, with the values that they were to have. */
function asWritten({ columns, allowLossy }: Params, schema: RowFileSchema | null): Mapped {
  const allowed = new Set(allowLossy.map((name) => name.toLowerCase()))
  for (const entry of columns ?? []) {
    if (entry === '*' || entry.to === null || entry.origin?.type !== 'column') continue
    if (allowed.has(entry.origin.name.toLowerCase())) allowed.add(entry.to.toLowerCase())
  }
  const names = (schema?.columns ?? []).map(({ name }) => name)
  return {
    columns: null,
    transform: null,
    allowLossy: names.filter((name) => allowed.has(name.toLowerCase())),
  }
}

function checkTarget({ to }: CopyRequest, { target, runId }: RowFileSchema, file: string): void {
  if (target === to.table || target === singleName(to.table)) return
  throw new RowshiftError(
    'USAGE',
    `${file} has rows that run ${runId} rejected for table ${target}, and this run would write them to ${to.table}. Nothing was written.`,
    { file, target },
  )
}
