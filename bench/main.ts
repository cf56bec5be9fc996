/**
 * One command for each question about speed, on private servers:
 *
 *     npm run bench -- list
 *     npm run bench -- NAME [--option value …] [--save]
 *     npm run bench -- all [--quick] [--minutes 12]
 *     npm run bench -- page
 *
 * What is saved stands in `results/`; `page` writes docs/benchmarks.md and the figures of both READMEs from it, and so does `all`.
 */
import type { ParseArgsConfig } from 'node:util'
import { parseArgs } from 'node:util'
import { machine } from './machine.js'
import { writePages } from './page.js'
import type { Options, Question } from './question.js'
import { questions } from './questions.js'
import type { Result } from './results.js'
import { save, tableOf } from './results.js'

type ParseArgsOptions = NonNullable<ParseArgsConfig['options']>

const [name = 'list', ...args] = process.argv.slice(2)

if (name === 'list') printList()
else if (name === 'page') await writePages()
else if (name === 'all') await askAll()
else if (Object.hasOwn(questions, name)) await askOne(questions[name]!)
else {
  console.error(`There is no benchmark "${name}"; these there are:`)
  printList()
  process.exitCode = 2
}

function printList(): void {
  for (const [known, { asks, options }] of Object.entries(questions)) {
    console.log(`${known.padEnd(12)} ${asks}`)
    const shown = Object.entries(options).map(([option, value]) => `--${option} ${value}`)
    if (shown.length > 0) console.log(`${''.padEnd(12)} ${shown.join(' ')}`)
  }
  console.log(
    `\n"all" asks those that are about speed, "all --quick" in minutes, and writes docs/benchmarks.md.`,
  )
}

async function askOne(question: Question): Promise<void> {
  // One that is "no" by default is a switch.
  const flags = Object.entries(question.options).map(([option, value]) => {
    const flag = value === 'no' ? { type: 'boolean' } : { type: 'string', default: value }
    return [option, flag] as const
  })
  const { values } = parseArgs({
    args,
    options: { ...(Object.fromEntries(flags) as ParseArgsOptions), save: { type: 'boolean' } },
  })
  const { save: saves, ...given } = values
  const options = Object.entries(given).map(([option, value]) => [
    option,
    value === true ? 'yes' : String(value),
  ])
  const asked = { ...question.options, ...(Object.fromEntries(options) as Options) }
  const result = await ask(name, question, asked, args.join(' '))
  print(result)
  if (saves) console.log(`saved as ${save(result)}`)
}

async function askAll(): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, minutes: { type: 'string', default: 'Infinity' } },
  })
  const end = performance.now() + Number(values.minutes) * 60_000
  for (const [each, question] of Object.entries(questions)) {
    if (question.quick === null) continue
    if (performance.now() > end) {
      console.error(`${each}: no time left`)
      continue
    }
    try {
      const options = { ...question.options, ...(values.quick ? question.quick : {}) }
      const changed = Object.entries(values.quick ? question.quick : {}).map((pair) => `--${pair.join(' ')}`)
      const result = await ask(each, question, options, changed.join(' '))
      print(result)
      save(result)
    } catch (error) {
      console.error(`${each} failed:`, error)
      process.exitCode = 1
    }
    await writePages()
  }
}

async function ask(what: string, question: Question, options: Options, given: string): Promise<Result> {
  const here = machine()
  const date = `${new Date().toISOString().slice(0, 16)}Z`
  const started = performance.now()
  console.error(`== ${what}`)
  const answer = await question.answer(options)
  console.error(`== ${what} took ${((performance.now() - started) / 1000).toFixed(0)} s`)
  return { name: what, date, command: `npm run bench -- ${what} ${given}`.trim(), machine: here, ...answer }
}

function print({ settings, lines, notes = [] }: Result): void {
  console.log([...settings, '', tableOf(lines), '', ...notes].join('\n'))
}
