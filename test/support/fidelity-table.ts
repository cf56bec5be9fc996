// docs/fidelity.md: what the cases have shown, type by type.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

/** `exact`, `widening`, `refused (CODE)` and so on, as the introduction explains them, or words of a case. */
export type ColumnResult = string

export const ROUTES = [
  'MySQL → MySQL',
  'MariaDB → MariaDB',
  'MySQL → MariaDB',
  'MariaDB → MySQL',
  'MySQL → SQLite → MySQL',
  'MariaDB → SQLite → MariaDB',
] as const

const POSTGRES_ROUTES = [
  'PostgreSQL → PostgreSQL',
  'MySQL → PostgreSQL',
  'MariaDB → PostgreSQL',
  'PostgreSQL → MySQL',
  'PostgreSQL → MariaDB',
  'PostgreSQL → SQLite → PostgreSQL',
] as const

export type Route = (typeof ROUTES)[number] | (typeof POSTGRES_ROUTES)[number]

export const FIDELITY_FILE = fileURLToPath(new URL('../../../docs/fidelity.md', import.meta.url))

const INTRODUCTION = `# Fidelity

What happens to the values of each type on each way, as the cases in [test/cases](../test/cases) have shown it. This file is
written by their runner (\`npm run fidelity\`), and the tests fail when it says anything else than they do. Each cell was measured
by every write path, \`LOAD DATA\`, \`INSERT\` and MariaDB's bulk executions, and compared by SQL inside the servers, cell by cell.

- **exact**: the target has a column of the same type, and every byte of every value was the same.
  Through SQLite: the last table is equal to the first.
- **widening**: the target's type holds every value of the source's; every value was the same.
- **checked**: the types alone do not say whether every value fits; the values were looked at, before or on the way, and were the same.
- **refused**: the copy ended with this [error](errors.md), which named the column or the row, and the target was as before.
- **changed, if allowed**: refused, unless \`allow_lossy\` names the column; then changed as announced.
- **fits, if allowed**: refused, unless \`allow_lossy\` names the column; then values that fit were the same.
- **not there**: one of the servers has no such type or feature.
- An empty cell was not tried.
`

const POSTGRES = `## PostgreSQL

The same with PostgreSQL at one end or both. The types are those of the source: of MySQL and MariaDB in capitals, of PostgreSQL in small letters.
`

const CHARSETS = `## Character sets

Every code of every character set: all that the server takes, of one to four bytes, between columns of the same set by both write
paths. **By bytes** says how they went, else as UTF-8. What is **refused**, the target's server does not take, or into utf8mb4, the
source's server has no character for; each was tried, or looked at by the condition that the copy itself asks. No code arrived as another one.
Into utf8mb4 a code becomes the character that the server has for it; a few codes share one.
`

const CHARSET_ROUTES = [...ROUTES.slice(0, 4), 'MySQL → utf8mb4', 'MariaDB → utf8mb4']

/** How many codes of each character set arrived, by route. Two write paths that disagree are an error. */
export class CharsetTable {
  readonly #rows = new Map<string, Map<string, string>>()

  add(charset: string, route: string, figures: string): void {
    const row = this.#rows.get(charset) ?? new Map<string, string>()
    this.#rows.set(charset, row)
    const known = row.get(route) ?? figures
    if (known !== figures)
      throw new Error(`${charset}, ${route}: ${known} by one path, ${figures} by the other`)
    row.set(route, figures)
  }

  markdown(): string {
    const head = ['character set', ...CHARSET_ROUTES]
    const rows = [...this.#rows]
      .sort(([a], [b]) => a.localeCompare(b, 'en'))
      .map(([charset, row]) =>
        line([charset, ...CHARSET_ROUTES.map((route) => row.get(route) ?? 'not there')]),
      )
    return [line(head), line(head.map(() => '---')), ...rows].join('\n')
  }
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Verdicts by type and route. Two cases that disagree about one cell are an error: they speak of different things. */
export class FidelityTable {
  readonly #rows = new Map<string, Map<Route, { columnResult: ColumnResult; by: string }>>()

  add(type: string, route: Route, columnResult: ColumnResult, by: string): void {
    const row = this.#rows.get(type) ?? new Map<Route, { columnResult: ColumnResult; by: string }>()
    this.#rows.set(type, row)
    const known = row.get(route)
    if (known && known.columnResult !== columnResult) {
      throw new Error(
        `"${type}", ${route}: ${known.by} says ${known.columnResult}, ${by} says ${columnResult}; name them differently`,
      )
    }
    row.set(route, { columnResult, by: known ? `${known.by}, ${by}` : by })
  }

  /** Of the types that went one of these ways. */
  #table(routes: readonly Route[]): string {
    const rows = [...this.#rows]
      .filter(([, row]) => routes.some((route) => row.has(route)))
      .sort(([a], [b]) => a.localeCompare(b, 'en'))
      .map(([type, row]) => {
        const cells = routes.map((route) => row.get(route))
        const by = new Set(cells.flatMap((cell) => cell?.by.split(', ') ?? []))
        return line([type, ...cells.map((cell) => cell?.columnResult ?? ''), [...by].sort().join(', ')])
      })
    const head = ['type', ...routes, 'cases']
    return [line(head), line(head.map(() => '---')), ...rows].join('\n')
  }

  async markdown(charsets: CharsetTable): Promise<string> {
    const table = this.#table(ROUTES)
    const anyPostgres = POSTGRES_ROUTES.some((route) =>
      [...this.#rows.values()].some((row) => row.has(route)),
    )
    const postgres = anyPostgres ? `${POSTGRES}\n${this.#table(POSTGRES_ROUTES)}\n\n` : ''
    const config = (await resolveConfig(FIDELITY_FILE)) ?? {}
    return format(`${INTRODUCTION}\n${table}\n\n${postgres}${CHARSETS}\n${charsets.markdown()}\n`, {
      ...config,
      filepath: FIDELITY_FILE,
    })
  }
}

export function fidelityFile(): string {
  return readFileSync(FIDELITY_FILE, 'utf8')
}
