import { RowshiftError } from 'rowshift/plugin'

const KINDS = [
  'integer',
  'decimal',
  'float',
  'boolean',
  'text',
  'json',
  'date',
  'time',
  'datetime',
  'instant',
]

export const connectionSchema = {
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description: 'The folder; relative to the working directory or absolute.',
    },
    types: {
      type: 'object',
      description: 'Columns that hold other things than texts or NULL: {"orders.id": "integer not null"}',
      additionalProperties: { enum: KINDS.flatMap((kind) => [kind, `${kind} not null`]) },
    },
  },
}

/** `rowshift-csv-folder:some/folder?table=orders&types=orders.id:integer+not+null,orders.paid:datetime` */
export function connectionFromUrl(url) {
  const unknown = [...url.searchParams.keys()].filter((name) => name !== 'types')
  if (url.host !== '' || url.hash !== '' || unknown.length > 0) {
    throw new RowshiftError(
      'USAGE',
      `The URL of a CSV folder has a path, "table" and "types", and nothing else.`,
    )
  }
  const path = decodeURIComponent(url.pathname)
  const types = url.searchParams.get('types')
  if (types === null) return { path }
  return { path, types: Object.fromEntries(types.split(',').map((each) => each.split(':'))) }
}
