import { databaseFromUrl } from '../config/config.js'
import { parseUrl } from '../config/url.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import { closeAll, openAll } from '../contract/opening.js'
import type { Endpoint, Finding, TableSchema } from '../contract/plugin.js'
import { counted } from '../wire/counted.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions } from './options.js'
import { formatRows, print, printable, printJson, tableLabel } from './output.js'

interface Checked {
  readonly database: string
  readonly findings: readonly Finding[]
}

/** `rowshift check URL`: whether a database can be reached, and what matters there. Writes nothing. */
export async function checkCommand({ url, json }: CommonOptions & { readonly url: string }): Promise<number> {
  const checked = await interruptible((signal) => check(url, signal))
  if (json) printJson(checked)
  else print([checked.database, ...checked.findings.flatMap(lines)].join('\n'))
  return ExitCode.success
}

async function check(text: string, signal: AbortSignal): Promise<Checked> {
  const resolved = await databaseFromUrl(text, 'The URL')
  const { plugin, specifier } = resolved.loaded
  const endpoint: Endpoint = { plugin: specifier, connection: resolved.connection, session: [] }
  const table = parseUrl(text, 'The URL').url.searchParams.get('table')
  const [reader, writer] = [plugin.createReader?.(endpoint), plugin.createWriter?.(endpoint)]
  const ends = [reader, writer].filter((end) => end !== undefined)
  if (ends.length === 0)
    throw new RowshiftError('PLUGIN_UNKNOWN', `${plugin.label} can neither be read nor written.`)
  const began = performance.now()
  try {
    await openAll(ends, signal)
    const opened = { name: 'connects', value: `yes, in ${(performance.now() - began).toFixed(0)} ms` }
    const can = {
      name: 'can be',
      value: [reader && 'a source', writer && 'a target'].filter(Boolean).join(', '),
    }
    const facts = table === null ? [] : tableFacts(await ends[0]!.describe(table))
    const more = (await plugin.inspect?.(endpoint, signal)) ?? []
    return { database: tableLabel(resolved), findings: [opened, can, ...facts, ...more] }
  } finally {
    await closeAll(ends)
  }
}

function tableFacts({ table, columns, keys: [key], estimatedRows }: TableSchema): Finding[] {
  const rows = estimatedRows === null ? 'an unknown number of rows' : `about ${formatRows(estimatedRows)}`
  const names =
    key === undefined
      ? 'no unique key'
      : `${key.primary ? 'primary' : 'unique'} key ${key.columns.join(', ')}`
  return [{ name: 'table', value: `${table}: ${counted(columns.length, 'column')}, ${rows}, ${names}` }]
}

function lines({ name, value, advice }: Finding): string[] {
  const [first = '', ...more] = value.split('\n').map(printable)
  return [
    `  ${name.padEnd(32)}${first}`,
    ...more.map((line) => `  ${' '.repeat(32)}${line}`),
    ...(advice === undefined ? [] : [`  ${' '.repeat(32)}-> ${printable(advice)}`]),
  ]
}
