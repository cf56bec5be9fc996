// The table of results, for people and for docs/reliability.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { groupedBy } from './grouped.js'
import type { Result } from './play.js'

const PAGE = new URL('../../../docs/reliability.md', import.meta.url)
const [BEGIN, END] = ['<!-- faults: npm run faults -- --write -->', '<!-- /faults -->']

export function tableOf(played: readonly Result[], about: string): string {
  const results = played.filter(({ missed, fault }) => !(missed && fault.chance))
  const rows = [...groupedBy(results, ({ fault }) => fault.group)].map(([group, own]) => [
    group,
    ...cellsOf(own),
  ])
  const head = [
    'fault',
    'cases',
    'finished by the same attempt',
    'finished later',
    'most attempts',
    'most splits read again',
    'wrong',
  ]
  const lines = [head, head.map(() => '---'), ...rows, ['**all**', ...cellsOf(results)]]
  return [...lines.map((cells) => `| ${cells.join(' | ')} |`), '', `${about}.`].join('\n')
}

function cellsOf(results: readonly Result[]): string[] {
  const most = (numbers: readonly number[]) => numbers.reduce((a, b) => Math.max(a, b), 0)
  const alone = results.filter(({ attempts }) => attempts === 1).length
  const wrong = results.filter(({ problems, missed }) => problems.length > 0 || missed).length
  return [
    results.length,
    alone,
    results.length - alone,
    most(results.map(({ attempts }) => attempts)),
    most(results.map(({ repeated }) => repeated ?? 0)),
    wrong,
  ].map(String)
}

export function writeTable(table: string): void {
  const page = readFileSync(PAGE, 'utf8')
  const [before, rest] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (before < 0 || rest < before) throw new Error(`docs/reliability.md lacks ${BEGIN} and ${END}`)
  writeFileSync(PAGE, `${page.slice(0, before)}${BEGIN}\n\n${table}\n\n${page.slice(rest)}`)
}
