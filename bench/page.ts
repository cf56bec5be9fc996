/** Writes what was measured into docs/benchmarks.md and both READMEs, between markers: `<!-- bench copy -->` … `<!-- /bench -->`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { describeMachine } from './machine.js'
import type { Line } from './question.js'
import { questions } from './questions.js'
import type { Result } from './results.js'
import { markdown, newest, tableOf } from './results.js'
import { median, shown } from './spread.js'

const ROOT = new URL('../../', import.meta.url)
const MARKED = /(<!-- bench ([\w-]+) -->\n)[\s\S]*?(<!-- \/bench -->)/g

/** What the READMEs quote: the first question, two instances. */
const HEADLINE = { question: 'copy', instances: 'two' }

const words = {
  'README.md': {
    contender: 'copied by',
    slower: (times: string) => `${times} times`,
    floor: 'the server itself: `INSERT … SELECT`, two connections',
    threads: 'threads',
  },
  'README.zh-CN.md': {
    contender: '由谁复制',
    slower: (times: string) => `${times} 倍`,
    floor: '服务器自身：`INSERT … SELECT`，两个连接',
    threads: '线程',
  },
}

export async function writePages(): Promise<void> {
  const results = newest()
  await write('docs/benchmarks.md', (marker) =>
    marker === 'losses' ? lossesOf(results) : sectionOf(results.get(marker)),
  )
  for (const [page, language] of Object.entries(words))
    await write(page, (marker) =>
      marker === 'headline' ? headline(results.get(HEADLINE.question), language) : null,
    )
}

/** `text`: of a marker; null: what stands there stays. */
async function write(page: string, text: (marker: string) => string | null): Promise<void> {
  const file = fileURLToPath(new URL(page, ROOT))
  const before = readFileSync(file, 'utf8')
  const after = before.replaceAll(MARKED, (whole, begin: string, marker: string, end: string) => {
    const inner = text(marker)
    return inner === null ? whole : `${begin}\n${inner}\n\n${end}`
  })
  writeFileSync(file, await format(after, { ...(await resolveConfig(file)), filepath: file }))
}

function sectionOf(result: Result | undefined): string | null {
  if (!result) return null
  const { name, date, command, machine, settings, lines, notes = [] } = result
  const facts = [`\`${command}\`, ${date.slice(0, 10)}`, describeMachine(machine), ...settings]
  return [
    `${questions[name]?.asks ?? name}.`,
    `${facts.join('; ')}.`,
    tableOf(lines),
    notes.map((note) => `- ${note}.`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** Where somebody else was faster than the best of rowshift, worst first. */
function lossesOf(results: ReadonlyMap<string, Result>): string {
  const losses = [...results.values()].flatMap(({ lines }) =>
    [...fieldsOf(lines)].flatMap(([field, contenders]) => {
      const others = contenders.filter((line) => !isOwn(line))
      return contenders
        .filter(isOwn)
        .flatMap((own) =>
          others.filter((line) => secondsOf(line) < secondsOf(own)).map((line) => ({ field, own, line })),
        )
        .map((pair) => ({ ...pair, times: secondsOf(pair.own) / secondsOf(pair.line) }))
    }),
  )
  if (losses.length === 0) return 'In no field of the tables below was another contender faster.'
  return losses
    .toSorted((a, b) => b.times - a.times)
    .map(
      ({ field, own, line, times }) =>
        `- ${field}: ${nameOf(line)} takes ${shown(secondsOf(line))} s, ${nameOf(own)} ${shown(secondsOf(own))} s, ${times.toFixed(2)} times as long.`,
    )
    .join('\n')
}

/** Lines by all labels but the last one, which names the contender. */
function fieldsOf(lines: readonly Line[]): ReadonlyMap<string, readonly Line[]> {
  const fields = new Map<string, Line[]>()
  for (const line of lines) {
    if (line.labels['contender'] === undefined) continue
    const field = Object.values(line.labels).slice(0, -1).join(', ')
    fields.set(field, [...(fields.get(field) ?? []), line])
  }
  return fields
}

function isOwn(line: Line): boolean {
  return nameOf(line).startsWith('rowshift')
}

function nameOf({ labels }: Line): string {
  return labels['contender']!
}

function secondsOf({ figures }: Line): number {
  const { seconds } = figures
  return typeof seconds === 'number' ? seconds : median(seconds as readonly number[])
}

function headline(result: Result | undefined, language: (typeof words)[keyof typeof words]): string | null {
  if (!result) return null
  const lines = result.lines.filter(({ labels }) => labels['instances'] === HEADLINE.instances)
  const servers = [...new Set(lines.map(({ labels }) => labels['server']!))]
  // The path that a run took may differ between servers.
  const plain = (line: Line) => nameOf(line).replace(/ \([\w-]+\)$/, '')
  const contenders = [...new Set(lines.map(plain))]
  const cell = (server: string, contender: string) => {
    const found = lines.find((line) => line.labels['server'] === server && plain(line) === contender)
    if (!found) return ''
    const { ratio } = found.figures
    const times = typeof ratio === 'number' ? `, ${language.slower(shown(ratio))}` : ''
    const wrong = found.figures['exact'] === 'yes' ? '' : ' ✗'
    return `${shown(secondsOf(found))} s${times}${wrong}`
  }
  const name = (contender: string) =>
    contender.startsWith('in the server') ? language.floor : contender.replace('threads', language.threads)
  const rows = contenders.map((contender) => [
    name(contender),
    ...servers.map((each) => cell(each, contender)),
  ])
  return markdown([[language.contender, ...servers], ...rows])
}
