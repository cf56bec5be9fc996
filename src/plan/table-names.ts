import { RowshiftError } from '../contract/errors.js'
import type { ReaderSkills } from '../contract/plugin.js'
import type { Pattern } from '../features/shard/pattern.js'
import { escapeName, labelOf, nameOf, parsePattern } from '../features/shard/pattern.js'

/** A reader, or a writer. */
interface Listing {
  readonly skills: Pick<ReaderSkills, 'tables'>
}

/** The name of a table that is one: as it is written, without its escapes. */
export function singleName(text: string): string {
  const { kind, prefix } = parsePattern(text)
  return kind === 'single' ? prefix : text
}

/** The tables that a pattern stands for, database by database. Stars and dates find those that are there. */
export async function tablesOf(
  pattern: Pattern,
  databases: readonly Listing[],
  numbering: 'each' | 'through' = 'each',
): Promise<{ endpoint: number; table: string }[]> {
  if (pattern.kind !== 'single') await refuseAmbiguous(pattern, databases)
  const all = pattern.labels.map((label) => nameOf(pattern, label))
  if (numbering === 'through') {
    const each = all.length / databases.length
    return all.map((table, i) => ({ endpoint: Math.floor(i / each), table }))
  }
  const counted = pattern.kind === 'single' || pattern.kind === 'labels'
  const tables: { endpoint: number; table: string }[] = []
  for (const [endpoint, database] of databases.entries()) {
    const names = counted ? all : await listed(database, pattern)
    for (const table of names) tables.push({ endpoint, table })
  }
  return tables
}

/** Its rows would be mixed with those of others, or be left out. */
async function refuseAmbiguous({ text }: Pattern, databases: readonly Listing[]): Promise<void> {
  for (const database of databases) {
    if (!(await database.skills.tables?.())?.includes(text)) continue
    throw new RowshiftError(
      'PARAMS_INVALID',
      `${text} is the name of a table, and it is a pattern too. Write ${escapeName(text)} for that table alone; several tables with a name of such a form can be listed, {a,b}.`,
      { table: text },
    )
  }
}

async function listed(database: Listing, pattern: Pattern): Promise<string[]> {
  if (!database.skills.tables) {
    throw new RowshiftError(
      'PARAMS_INVALID',
      `The plugin of ${pattern.text} cannot list tables, so those of the pattern cannot be found. Count or list them: {0..3}, {a,b}.`,
      { table: pattern.text },
    )
  }
  const names = await database.skills.tables()
  return names.filter((name) => labelOf(pattern, name) !== null).sort((a, b) => (a < b ? -1 : 1))
}
