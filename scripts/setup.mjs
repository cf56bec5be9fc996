// Makes a fresh clone ready to use: dependencies installed, dist/ and bundle/ built. Says nothing when both are current.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const stamp = 'dist/.sources'
const program = 'bundle/src/cli/main.js'
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
  const hash = createHash('sha256')
  const files = ['src', 'workers', 'plugins', 'test', 'bench']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.ts'))
    .sort((a, b) => a.localeCompare(b))
  for (const file of [...inputs, ...files]) {
    hash.update(`${file}\n`).update(readFileSync(file))
  }
  return hash.digest('hex')
}

function distIsCurrent() {
  return existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources
}

function build() {
  say('building …')
  rmSync('dist', { recursive: true, force: true })
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'])
  for (const [file, source] of Object.entries(wasm)) {
    const asc = ['node_modules/assemblyscript/bin/asc.js', source, '--outFile', file, ...bare]
    run(process.execPath, asc)
  }
  run(process.execPath, ['scripts/compile-schemas.mjs'])
  run(process.execPath, ['scripts/bundle.mjs'])
  chmodSync(program, 0o755)
  writeFileSync(stamp, sources)
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
