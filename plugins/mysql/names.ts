import { createHash } from 'node:crypto'
import type { CreateTableRequest, ForeignKey } from '../../src/contract/plugin.js'
import { unfitName } from '../../src/sql/created-table.js'

const LONGEST = 64
/** What the server adds to the name of a table with many foreign keys. */
const NUMBERED = '_ibfk_1000'
const BEYOND_BMP = /[\u{10000}-\u{10ffff}]/u

/** Why no table, column or the like has that name, in words; null: it may have. MySQL itself would make question marks of odd characters. */
export function nameFault(name: string): string | null {
  const [odd] = BEYOND_BMP.exec(name) ?? []
  if (odd !== undefined) return `names hold no characters beyond U+FFFF (${odd})`
  if (name.length > LONGEST) return `the name has ${name.length} characters, and the server takes ${LONGEST}`
  return name.endsWith(' ') ? 'names do not end with a space' : null
}

/** Throws for a name that the server would refuse, or change, when others are made already. */
export function refuseUnfitNames({ table, source }: CreateTableRequest): void {
  const fault = nameFault(table)
  if (fault !== null) throw unfitName(table, null, fault)
  const known = new Map<string, string>()
  for (const { name } of source.columns) {
    const other = known.get(name.toLowerCase())
    const why = other === undefined ? nameFault(name) : `it would be the same as ${other}`
    if (why !== null) throw unfitName(table, name, why)
    known.set(name.toLowerCase(), name)
  }
}

/**
 * The name of a foreign key; null: the server finds one. MySQL does so by adding to the table's name, which fails for a long one when the key is
 * added.
 */
export function foreignKeyName(key: ForeignKey): string | null {
  if (key.name !== null && nameFault(key.name) === null) return key.name
  if (key.table.length + NUMBERED.length <= LONGEST) return null
  const { table, columns, parent, parentColumns } = key
  const digest = createHash('sha256').update(JSON.stringify([table, columns, parent, parentColumns]))
  return derivedName(table, `_${digest.digest('hex').slice(0, 12)}`)
}

/** A name that is made of another one, whose end is left out where the whole is too long. */
export function derivedName(name: string, ending: string): string {
  return `${name.slice(0, LONGEST - ending.length)}${ending}`
}
