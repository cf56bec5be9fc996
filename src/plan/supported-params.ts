/** Params that ask for more than the plugins of the two endpoints can do, by their capabilities. Looked at before anything is opened. */
import { RowshiftError } from '../contract/errors.js'
import { IN_SERVER } from '../contract/in-server.js'
import type { Plugin } from '../contract/plugin.js'
import { didYouMean } from '../suggest.js'
import type { Params } from '../task/params.js'
import { AUTO } from '../task/params.js'

/** Of an end that is read. */
export function checkReadable({ label, capabilities }: Plugin, { timeZone }: Params): void {
  if (timeZone === null || capabilities.timeZones === true) return
  throw unsupported([`params.time_zone: ${label} has no time zones of its own; leave it out`])
}

/** Of an end that is written to, or would be: whoever compares with it says the same of it. */
export function checkWritePath({ label, capabilities }: Plugin, { writePath }: Params): void {
  const paths = [...(capabilities.inServer ? [IN_SERVER] : []), ...(capabilities.writePaths ?? [])]
  if (writePath === null || paths.includes(writePath)) return
  const all = [AUTO, ...paths]
  throw unsupported([
    `params.write_path: "${writePath}" is not a write path of ${label}, which has ${all.join(', ')}${didYouMean(writePath, all)}`,
  ])
}

/** Of an end that is written to. */
export function checkWritable(plugin: Plugin, params: Params): void {
  const { label, capabilities } = plugin
  const { mode, writeMode, preSql, postSql } = params
  checkWritePath(plugin, params)
  const faults: string[] = []
  const modes = capabilities.writeModes ?? ['insert']
  if (!modes.includes(writeMode)) {
    const why = mode === 'init' ? '' : `, which mode "${mode}" uses unless write_mode says otherwise`
    faults.push(
      `params.write_mode: ${label} does not support "${writeMode}"${why}; it supports ${modes.join(', ')}`,
    )
  }
  if (capabilities.sql !== true) {
    for (const [name, sql] of [
      ['pre_sql', preSql],
      ['post_sql', postSql],
    ] as const) {
      if (sql.length > 0) faults.push(`params.${name}: ${label} runs no SQL; leave it out`)
    }
  }
  if (faults.length > 0) throw unsupported(faults)
}

function unsupported(faults: readonly string[]): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', `The params are not valid:\n  ${faults.join('\n  ')}`, {
    faults,
  })
}
