import type { SourceDdl, TableTrait, TableTraits } from '../../src/contract/plugin.js'
import { find } from '../../src/sql/tokens.js'
import { columnsOf, indexOf, nameOfIndex } from './ddl.js'

/** By the statements that both databases keep. */
export function tableTraits(elsewhere: SourceDdl, own: SourceDdl): TableTraits {
  return { expected: traitsOf(elsewhere), found: traitsOf(own) }
}

function traitsOf({ statements }: SourceDdl): TableTrait[] {
  const [table, ...indexes] = statements!
  return [...columnsOf(table!).flatMap(columnTraits), ...indexes.flatMap(indexTraits)]
}

function columnTraits({ name: column, tokens }: ReturnType<typeof columnsOf>[number]): TableTrait[] {
  const of = (what: string, is: string | undefined): TableTrait[] =>
    is === undefined || /^(NULL|BINARY)$/i.test(is) ? [] : [{ what, column, is }]
  const signed = find(tokens, /^DEFAULT$/i, /^[+-]$/, /./)
  return [
    ...of('default', signed ? `${signed[1]}${signed[2]}` : find(tokens, /^DEFAULT$/i, /./)?.[1]),
    ...of('collation', find(tokens, /^COLLATE$/i, /./)?.[1]?.toUpperCase()),
    ...of('CHECK', find(tokens, /^CHECK$/i, /^\(/)?.[1]),
    ...of('expression', find(tokens, /^AS$/i, /^\(/)?.[1]),
  ]
}

/** None of a unique index of whole columns, which the table's keys say. */
function indexTraits(sql: string): TableTrait[] {
  const { unique, columns, condition } = indexOf(sql)
  if (unique && condition === '' && !/[( ]/.test(columns.slice(1))) return []
  const is = condition === '' ? columns : `${columns} ${condition}`
  return [{ what: unique ? 'unique index' : 'index', name: nameOfIndex(sql), is }]
}
