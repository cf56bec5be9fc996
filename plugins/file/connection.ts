import { basename, resolve } from 'node:path'
import type { Connection } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'

export const connectionSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Row file',
  type: 'object',
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description:
        'Path of a file of rows in the wire format, with its schema in <path>.json beside it; relative to the working directory or absolute.',
    },
  },
} as const

/** From the text, because a URL object makes every `file:` path absolute. */
export function connectionFromUrl(url: URL, text: string): Connection {
  if (url.host !== '') throw usage('has no host; write file:relative/path.tsv or file:///absolute/path.tsv')
  if (url.hash !== '') throw usage('ends at "#"; write %23 for a "#" in a file name')
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'table')
  if (unknown.length > 0) throw usage(`takes no parameter; found "${unknown.join('", "')}"`)
  const [, encoded = ''] = /^[^:]*:(?:\/\/(?=\/))?([^?]*)/.exec(text) ?? []
  const path = decodePath(encoded)
  if (path === '' || path.endsWith('/')) throw usage('names no file; write file:path.tsv')
  return { path }
}

function decodePath(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw usage(`has a malformed percent escape in "${encoded}"; write %25 for a "%"`)
  }
}

function usage(fault: string): RowshiftError {
  return new RowshiftError('USAGE', `A file URL ${fault}.`)
}

function pathOf(connection: Connection): string {
  const path = connection['path']
  if (typeof path === 'string' && path !== '') return path
  throw new RowshiftError('CONFIG_INVALID', 'A row file needs "path".')
}

export function describeConnection(connection: Connection): string {
  return `file:${pathOf(connection)}`
}

export function fileOf(connection: Connection): string {
  return resolve(pathOf(connection))
}

/** A file is one table. */
export function defaultTable(connection: Connection): string {
  return basename(pathOf(connection))
}
