import { writeFileSync } from 'node:fs'
import { databaseFromUrl, fromUrl } from '../config/config.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import type { BenchRequest, BenchResult } from '../features/bench/bench.js'
import { bench } from '../features/bench/bench.js'
import { paramsOf } from '../features/bench/grid.js'
import { paramsFromOptions } from '../task/params-options.js'
import { cellText, resultSvg, resultText } from './bench-view.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, TablesOptions } from './options.js'
import { print, printJson, printNotice, tableLabel } from './output.js'
import { otherConnections } from './other-connections.js'

export interface BenchOptions extends CommonOptions, TablesOptions {
  /** For all measurements together. */
  readonly seconds: number
  /** File for a picture of the result. */
  readonly svg: string | undefined
}

/** `rowshift bench`: which params copy the user's own table fastest. Resolves to the exit code. */
export async function benchCommand(options: BenchOptions): Promise<number> {
  const request = await requestOf(options)
  const { svg, json } = options
  if (svg !== undefined) write(svg, '')
  const result = await interruptible((signal) => bench(request, { signal, ...saying(request) }))
  const title = `${request.from.table}: ${tableLabel(request.from)} -> ${tableLabel(request.to)}`
  if (svg !== undefined) write(svg, resultSvg(result, title))
  if (json) printJson(summaryOf(result, request))
  else print(resultText(result))
  return ExitCode.success
}

async function requestOf({ from, to, params, param, seconds }: BenchOptions): Promise<BenchRequest> {
  if (from === undefined)
    throw new RowshiftError('USAGE', '--from is missing: rowshift bench --from URL [--to URL].')
  const source = await fromUrl(from, '--from')
  const { loaded, connection, databases } = source
  const target =
    to === undefined
      ? { loaded, connection, ...(databases && { databases }) }
      : await databaseFromUrl(to, '--to')
  const asked = paramsFromOptions(params, param)
  return { from: source, to: target, params: asked, others: await otherConnections(asked, null), seconds }
}

/** On stderr, as the progress of other commands is. */
function saying({ from, to, seconds }: BenchRequest) {
  return {
    onLeftOvers: (tables: readonly string[]) =>
      printNotice(`dropped what benches that died had left in ${tableLabel(to)}: ${tables.join(', ')}`),
    onBegin: (table: string) =>
      printNotice(
        `copies parts of ${from.table} of ${tableLabel(from)}, which is only read, into a table of its own, ` +
          `${table} of ${tableLabel(to)}, again and again for about ${seconds} seconds at most, and drops that table then`,
      ),
    onCell: (cell: Parameters<typeof cellText>[0]) => printNotice(cellText(cell)),
    onNotDropped: (table: string, error: RowshiftError) =>
      printNotice(`table ${table} could not be dropped (${error.message}); the next bench will do that`),
  }
}

function summaryOf({ cells, recommended, ...result }: BenchResult, { from, to, seconds }: BenchRequest) {
  return {
    from: `${tableLabel(from)} table ${from.table}`,
    to: tableLabel(to),
    seconds,
    ...result,
    cells,
    recommended,
    params: paramsOf(recommended),
  }
}

/** Before the work begins too, so that a file that cannot be written is found out then. */
function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new RowshiftError('USAGE', `--svg ${file} cannot be written (${code}).`, { file }, error)
  }
}
