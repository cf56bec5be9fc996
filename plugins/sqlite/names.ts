import type { Column } from '../../src/contract/plugin.js'

/** A name as SQL. Backquotes and brackets would do as well, but only double quotes are standard. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** What stands for a column's values in SQL: its name, or what it is derived by. */
export function expressionOf({ name, sql }: Column): string {
  return sql ?? quoteName(name)
}
