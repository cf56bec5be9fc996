/** Answers as files, `results/DATE-NAME.json`, and as tables. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.js'
import type { Answer, Line } from './question.js'
import { shown } from './spread.js'

export interface Result extends Answer {
  readonly name: string
  /** ISO, to the minute, UTC. */
  readonly date: string
  readonly command: string
  readonly machine: Machine
}

const FOLDER = fileURLToPath(new URL('../../bench/results/', import.meta.url))

export function save(result: Result): string {
  mkdirSync(FOLDER, { recursive: true })
  const file = `${FOLDER}${result.date.slice(0, 16).replace(':', '')}-${result.name}.json`
  writeFileSync(file, `${JSON.stringify(rounded(result), null, 2)}\n`)
  return file
}

/** The newest of each question. */
export function newest(): ReadonlyMap<string, Result> {
  const all = new Map<string, Result>()
  for (const file of files()) {
    const result = JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Result
    all.set(result.name, result)
  }
  return all
}

function files(): string[] {
  try {
    return readdirSync(FOLDER)
      .filter((file) => file.endsWith('.json'))
      .sort((a, b) => a.localeCompare(b))
  } catch {
    return []
  }
}

/** A Markdown table. */
export function tableOf(lines: readonly Line[]): string {
  const columns = (of: (line: Line) => object) => [...new Set(lines.flatMap((line) => Object.keys(of(line))))]
  const labels = columns((line) => line.labels)
  const figures = columns((line) => line.figures)
  const cells = lines.map(({ labels: label, figures: figure }) => [
    ...labels.map((name) => label[name] ?? ''),
    ...figures.map((name) => shown(figure[name])),
  ])
  return markdown([[...labels, ...figures], ...cells])
}

/** The first row has the names of the columns. */
export function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

/** A ten-thousandth is less than anything that is measured. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toFixed(4))
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]))
}
