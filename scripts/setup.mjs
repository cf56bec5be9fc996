// Makes a fresh clone ready to use: dependencies installed, dist/ and bundle/ built. Says nothing when both are current.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const stamp = 'dist/.sources'
const program = 'bundle/src/cli/start.js'
const inputs = [
  'tsconfig.json',
  'package-lock.json',
  'etc/params.schema.json',
  'etc/db-config.schema.json',
  'scripts/compile-schemas.mjs',
  'scripts/bundle.mjs',
]
const wasm = {
  'dist/src/wire/cells.wasm': 'src/wire/wasm/cells.ts',
  'dist/plugins/mysql/transcode.wasm': 'plugins/mysql/wasm/transcode.ts',
  'dist/plugins/postgres/encoder.wasm': 'plugins/postgres/wasm/encoder.ts',
  'dist/plugins/postgres/transcode.wasm': 'plugins/postgres/wasm/transcode.ts',
}
/** No run-time library: the loops use nothing but the memory that they are given. */
const bare = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory']

/** It goes with the dependencies. */
const cache = 'node_modules/.cache/rowshift'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
requireNode(20, 19)
if (!dependenciesAreCurrent()) installDependencies()
const sources = hashSources()
if (process.argv.includes('--build') || !distIsCurrent()) build()

function requireNode(major, minor) {
  const [hasMajor, hasMinor] = process.versions.node.split('.').map(Number)
  if (hasMajor > major || (hasMajor === major && hasMinor >= minor)) return
  fail(`rowshift needs Node ${major}.${minor} or newer; this is Node ${process.versions.node}`)
}

/** npm keeps its own record of what it installed: compare that with the lockfile, so that any `npm ci` counts. */
function dependenciesAreCurrent() {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const installed = readJson('node_modules/.package-lock.json').packages
  return Object.entries(readJson('package-lock.json').packages).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    return found ? found.version === wanted.version : wanted.optional === true
  })
}

function installDependencies() {
  say('installing dependencies …')
  // The flags undo settings that `npm pack --dry-run` or NODE_ENV=production pass down to this script.
  const args = ['ci', '--dry-run=false', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
  run('npm', args)
}

function hashSources() {
  const folders = ['src', 'workers', 'plugins', 'test', 'bench'].filter((folder) => existsSync(folder))
  return hashOf([...inputs, ...folders.flatMap(filesIn)])
}

/** Of TypeScript, sorted. */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts'))
    .sort((a, b) => a.localeCompare(b))
}

function hashOf(files, options = []) {
  const hash = createHash('sha256').update(options.join('\n'))
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file))
  return hash.digest('hex')
}

function distIsCurrent() {
  return existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources
}

function build() {
  say('building …')
  rmSync('dist', { recursive: true, force: true })
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'])
  for (const [file, source] of Object.entries(wasm)) copyFileSync(compiled(source), file)
  run(process.execPath, ['scripts/compile-schemas.mjs'])
  run(process.execPath, ['scripts/bundle.mjs'])
  chmodSync(program, 0o755)
  writeFileSync(stamp, sources)
}

/** A loop that has not changed is not compiled again: that takes nearly half of the time of a build. */
function compiled(source) {
  // They import from each other.
  const loops = Object.values(wasm).flatMap((one) => filesIn(dirname(one)))
  const key = hashOf(['package-lock.json', ...new Set(loops)], [source, ...bare])
  const file = `${cache}/${key}.wasm`
  if (existsSync(file)) return file
  mkdirSync(cache, { recursive: true })
  const made = `${file}.${process.pid}`
  run(process.execPath, ['node_modules/assemblyscript/bin/asc.js', source, '--outFile', made, ...bare])
  renameSync(made, file)
  return file
}

function run(command, args) {
  const shell = command === 'npm' && process.platform === 'win32'
  const result = spawnSync(command, args, { encoding: 'utf8', shell, maxBuffer: 2 ** 28 })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  fail(`${[command, ...args].join(' ')} failed${result.error ? `: ${result.error.message}` : ''}`)
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(line) {
  say(line)
  process.exit(1)
}
