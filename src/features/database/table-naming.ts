/** The names of tables of two databases, each of which may write them in its own way: see `src/contract/table-name.ts`. */
import type { Plugin, TableName } from '../../contract/plugin.js'
import { readTableName, showTableName } from '../../contract/plugin.js'

/** How one database writes the names of its tables. */
export interface NameSyntax {
  /** null: the text does not name a table. */
  read(text: string): TableName | null
  show(name: TableName): string
}

export interface NameSyntaxes {
  readonly source: NameSyntax
  readonly target: NameSyntax
}

const bare: NameSyntax = { read: (name) => ({ name }), show: ({ name }) => name }
const withSchemas: NameSyntax = { read: readTableName, show: showTableName }

interface End {
  readonly loaded: { readonly plugin: Pick<Plugin, 'capabilities'> }
}

export function nameSyntaxes({ from, to }: { readonly from: End; readonly to: End }): NameSyntaxes {
  const syntaxOf = ({ loaded }: End) => (loaded.plugin.capabilities.schemas === true ? withSchemas : bare)
  return { source: syntaxOf(from), target: syntaxOf(to) }
}

/** What a table is called, without quotes. */
export function plainName(text: string, syntax: NameSyntax): string {
  return syntax.read(text)?.name ?? text
}
