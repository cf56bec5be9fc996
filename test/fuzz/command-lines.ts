import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runCli } from '../support/context.js'
import type { Finding } from './fuzz.js'
import { asJson, json, mangled, Random, text } from './random.js'

const COMMANDS = ['copy', 'run', 'plan', 'verify', 'list', 'show', 'history', 'init', 'demos', '']
const OPTIONS = [
  '--from',
  '--to',
  '--params',
  '--param',
  '--config',
  '--env',
  '--mode',
  '--where',
  '--sample',
  '--report',
  '--limit',
  '--json',
  '--create',
  '--dry-run',
  '--repair',
  '--max-delete',
  '--all',
  '--parallel',
  '--id',
  '--log-level',
  '--help',
  '--version',
  '--no-json',
  '-c',
  '-e',
  '-h',
  '--',
  '--__proto__.x',
  '--constructor.prototype.x',
  '--a.b.c',
  '-x',
]
/** No host that could be reached, and no path outside of the folder. */
const VALUES = [
  'sqlite:a.db?table=t',
  'sqlite:b.db?table=t',
  'mysql://u:p@127.0.0.1:1/d?table=t',
  'file:x.tsv',
  'none',
  '1',
  '-1',
]
const EXIT_CODES = [0, 1, 2, 3, 4]
const MOST_MS = 30_000

/** Runs the program with a command line that nobody would write. */
export async function tryCommandLine(seed: number, folder: string): Promise<Finding | null> {
  const random = new Random(seed)
  const cwd = join(folder, 'cli')
  mkdirSync(cwd, { recursive: true })
  const args = argumentsOf(random)
  const { code, stdout, stderr } = await runCli(args, { cwd, timeout: MOST_MS })
  const found = (what: string) => ({ seed, target: `rowshift ${asJson(args).slice(0, 2000)}`, what })
  if (code === null || !EXIT_CODES.includes(code)) return found(`exit code ${code}: ${stderr.slice(-1000)}`)
  if (/\[INTERNAL\]|^\s+at .*:\d+/m.test(stderr + stdout)) return found(stderr.slice(-1000))
  return null
}

function argumentsOf(random: Random): string[] {
  const value = () => {
    if (random.once(3)) return random.pick(VALUES)
    if (random.once(3)) return asJson(json(random, ['pk', 'columns', 'map', 'mode', 'where'], 2))
    return mangled(random, random.pick(VALUES))
  }
  const option = () => {
    const name = random.once(8) ? `--${text(random)}` : random.pick(OPTIONS)
    return random.once(3) ? [`${name}=${value()}`] : random.once(4) ? [name] : [name, value()]
  }
  const args = [random.once(9) ? text(random) : random.pick(COMMANDS), ...random.list(5, option).flat()]
  // No program can be given a NUL, a path out of the folder is not ours, and a command line has its limit.
  return args.map((arg) =>
    arg
      .replaceAll('\0', '0')
      .replaceAll('..', '')
      .replaceAll(/(?<![:/])\/(?=\w)/g, '')
      .slice(0, 30_000),
  )
}
