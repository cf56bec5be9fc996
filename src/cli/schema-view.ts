/** What a person sees of foreign keys, views, triggers and routines when a database is copied. */
import { titleOf } from '../contract/foreign-keys.js'
import type { SchemaReport } from '../features/database/report.js'
import type { SchemaPlan } from '../features/database/schema-plan.js'
import { titleOfObject } from '../sql/sql-objects.js'
import { counted } from '../wire/counted.js'
import { printable } from './output.js'

/** Of each list, the names that a person sees. */
const SHOWN = 20

/** What comes after the rows, and what does not come. */
export function schemaPlanLines({ foreignKeys, objects }: SchemaPlan): string[] {
  const made = objects.make.map(titleOfObject)
  const definers = [...new Set(objects.make.flatMap(({ definer }) => definer ?? []))]
  const others = objects.left.map(({ object, reason }) => `${titleOfObject(object)}: ${reason}`)
  return [
    ...(foreignKeys.make.length === 0
      ? []
      : [`after the rows: ${counted(foreignKeys.make.length, 'foreign key')}`]),
    ...(made.length === 0 ? [] : [`then made: ${shown(made)}`]),
    ...(definers.length === 0 ? [] : [`definers in the source: ${shown(definers)}`]),
    ...foreignKeys.left.map(({ key, reason }) => `not made ${printable(titleOf(key))}: ${printable(reason)}`),
    ...first(others).map((line) => `not copied ${printable(line)}`),
    ...(others.length > SHOWN ? [`not copied ${others.length - SHOWN} more`] : []),
    ...foreignKeys.warnings.map((warning) => `warning  ${warning}`),
    ...(objects.unseen.length === 0
      ? []
      : [
          `warning  the user of the source may lack privileges to see all of these, and what it does not see is not copied: ${objects.unseen.join(', ')}`,
        ]),
  ]
}

/** What became of them; nothing of what is as it was. */
export function schemaSummary({ foreignKeys, objects }: SchemaReport): string[] {
  const made = [...foreignKeys, ...objects].filter(({ status }) => status === 'made')
  const keys = foreignKeys.filter(({ status }) => status === 'made').length
  const lines = foreignKeys.flatMap((key) => {
    const { status, reason, error, statement } = key
    const why = error?.message ?? reason
    if (why === null || status === 'made' || status === 'kept')
      return why === null ? [] : [`${titleOf(key)}: ${why}`]
    const byHand = statement === null ? [] : [`    ${statement};`]
    return [`${titleOf(key)} ${verb(status)}: ${why}`, ...byHand]
  })
  const others = objects.flatMap((object) => {
    const { status, reason, error } = object
    const why = error?.message ?? reason
    return (status === 'not_made' || status === 'failed') && why !== null
      ? [`${titleOfObject(object)} ${verb(status)}: ${why}`]
      : []
  })
  return [
    ...(made.length === 0
      ? []
      : [`Made ${counted(keys, 'foreign key')} and ${counted(made.length - keys, 'other object')}.`]),
    ...[...lines, ...others].map((line) => `  ${printable(line)}`),
  ]
}

function verb(status: 'not_made' | 'failed' | 'dropped'): string {
  return status === 'failed' ? 'failed' : status === 'dropped' ? 'was dropped' : 'is not made'
}

function first(list: readonly string[]): readonly string[] {
  return list.slice(0, SHOWN)
}

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''
  return `${first(names).map(printable).join(', ')}${more}`
}
