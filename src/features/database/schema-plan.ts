/** What the copy of a database makes beside tables and rows: foreign keys, then views, triggers and routines. */
import type { OpenEndpoints } from '../../engine/open-endpoints.js'
import type { ForeignKeyPlan } from './foreign-keys.js'
import { planForeignKeys } from './foreign-keys.js'
import type { ObjectPlan } from './objects.js'
import { planObjects } from './objects.js'
import type { DatabaseRequest } from './request.js'
import type { SelectedTable } from './selection.js'
import { namesInTarget } from './selection.js'
import { nameSyntaxes } from './table-naming.js'

export interface SchemaPlan {
  readonly foreignKeys: ForeignKeyPlan
  readonly objects: ObjectPlan
}

type SchemaRequest = Pick<DatabaseRequest, 'from' | 'to' | 'selection' | 'params' | 'objects'> &
  Pick<OpenEndpoints, 'readers' | 'writers'> & { readonly selected: readonly SelectedTable[] }

/** Changes nothing. */
export async function planSchema(request: SchemaRequest): Promise<SchemaPlan> {
  const { readers, writers, selected, selection, params, objects = null } = request
  const ends = { reader: readers[0]!, writer: writers[0]!, selected }
  const inTarget = namesInTarget(selection, nameSyntaxes(request))
  return {
    foreignKeys: await planForeignKeys({ ...ends, inTarget, params }),
    objects: await planObjects({ ...ends, definer: objects }),
  }
}
