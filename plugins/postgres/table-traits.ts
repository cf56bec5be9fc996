import type { SourceDdl, TableTrait, TableTraits } from '../../src/contract/plugin.js'
import type { Part } from './source-ddl.js'

/** What one server prints, another does in the same way. */
export function tableTraits(elsewhere: SourceDdl, own: SourceDdl): TableTraits {
  return { expected: traitsOf(elsewhere), found: traitsOf(own) }
}

function traitsOf({ statements }: SourceDdl): TableTrait[] {
  return statements!.map((part) => JSON.parse(part) as Part).flatMap(traitsOfPart)
}

/** None of a unique key of whole columns, which the table's keys say. */
function traitsOfPart(part: Part): TableTrait[] {
  if ('constraint' in part) {
    const { constraint: name, sql } = part
    if (/^(PRIMARY KEY|UNIQUE) \([^()]+\)$/.test(sql)) return []
    return [{ what: 'constraint', name, is: sql }]
  }
  if ('index' in part) {
    const { index: name, unique, sql } = part
    if (unique && /^ USING btree \([^()]+\)$/.test(sql)) return []
    return [{ what: unique ? 'unique index' : 'index', name, is: sql.trim() }]
  }
  if (!('column' in part)) return []
  const { column, identity, collation, generated } = part
  const of = (what: string, is: string | null): TableTrait[] => (is === null ? [] : [{ what, column, is }])
  return [
    ...of('collation', collation),
    ...of('numbering', identity),
    // Of a serial column, it names a sequence of the table's own.
    ...of('default', identity === null ? part.default : null),
    ...of('expression', generated),
  ]
}
