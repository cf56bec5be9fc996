// Checks the rules that keep the layout honest: who may import whom, file size, names. Prints `file:line rule`.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folders = ['src', 'workers', 'plugins', 'test', 'bench', 'scripts', 'etc', 'docs']
const maxLines = 300

/** The only places that may import these packages; a plugin may use any package not listed here. */
const homes = {
  piscina: ['src/engine/'],
  yargs: ['src/cli/'],
  'cli-progress': ['src/cli/'],
  ajv: ['src/config/', 'test/'],
  pino: ['src/log.ts'],
  fastify: ['src/console/'],
  'prom-client': ['src/console/'],
  nodemailer: ['src/console/'],
  croner: ['src/task/cron.ts'],
  'playwright-core': ['test/'],
  pg: ['plugins/postgres/', 'test/', 'bench/'],
  bullmq: ['src/features/hosts/', 'test/'],
  ioredis: ['src/features/hosts/', 'test/'],
  mysql2: ['plugins/mysql/', 'test/', 'bench/'],
}

const importStatement =
  /^(?:import|export)\s+(?:(type)\s+)?(?:(?:[\w$]+\s*,\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\}|[\w$]+)\s+from\s+)?['"]([^'"]+)['"]/gm

const violations = []

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const paths = folders.filter((folder) => existsSync(folder)).flatMap(listFiles)
const modules = new Map(paths.filter((path) => path.endsWith('.ts')).map((path) => [path, readModule(path)]))

for (const path of paths) checkName(path)
checkBasenames()
for (const module of modules.values()) {
  checkText(module)
  for (const imported of module.imports) checkImport(module.path, imported)
}
checkCycles()
checkDocs()

for (const violation of violations.sort((a, b) => a.localeCompare(b))) console.log(violation)
if (violations.length > 0) process.exit(1)

function listFiles(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

function readModule(path) {
  const text = readFileSync(path, 'utf8')
  const imports = [...text.matchAll(importStatement)].map((match) => ({
    typeOnly: match[1] === 'type',
    target: resolve(path, match[2]),
    line: text.slice(0, match.index).split('\n').length,
  }))
  return { path, lines: text.trimEnd().split('\n'), imports }
}

/** A path from the root of the repository, or the name of a package. */
function resolve(path, specifier) {
  if (specifier.startsWith('.')) return join(dirname(path), specifier).replace(/\.js$/, '.ts')
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function report(path, line, rule) {
  violations.push(`${path}:${line} ${rule}`)
}

function isIn(path, ...places) {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place))
}

function checkName(path) {
  const isUtils = path.split('/').some((part) => part === 'utils' || part.startsWith('utils.'))
  if (isUtils) report(path, 1, 'nothing is called utils: name it after what it does')
}

/** Whoever looks for a file by its name finds one; plugins and features have the same names in each folder. */
function checkBasenames() {
  const known = new Map()
  for (const path of modules.keys()) {
    if (!isIn(path, 'src/', 'workers/') || isIn(path, 'src/features/')) continue
    const name = basename(path)
    if (known.has(name)) report(path, 1, `is called like ${known.get(name)}`)
    known.set(name, path)
  }
}

function checkText({ path, lines }) {
  if (isIn(path, 'src/', 'workers/', 'plugins/') && lines.length > maxLines) {
    report(path, maxLines + 1, `has ${lines.length} lines, more than ${maxLines}`)
  }
  for (const [index, line] of lines.entries()) {
    // The demo and the help show whole commands.
    if (
      isIn(path, 'src/', 'workers/') &&
      !isIn(path, 'src/cli/demo.ts', 'src/cli/examples.ts') &&
      /mysql|mariadb|sqlite|postgres/i.test(line)
    ) {
      report(path, index + 1, 'database names belong in plugins/')
    }
    if (isIn(path, 'test/') && /\.(only|skip)\(/.test(line)) {
      report(path, index + 1, 'no test is skipped or singled out')
    }
  }
}

function checkImport(path, { target, typeOnly, line }) {
  const home = homes[target]
  if (home && !isIn(path, ...home)) report(path, line, `only ${home.join(', ')} may import ${target}`)
  if (isIn(target, 'src/cli/') && !isIn(path, 'src/cli/', 'test/unit/'))
    report(path, line, 'nobody imports src/cli/')
  if (isIn(path, 'test/unit/') && isIn(target, 'test/support/context.ts', 'test/support/copying.ts')) {
    report(path, line, 'a unit test has no servers and starts no program')
  }
  if (isIn(path, 'src/') && isIn(target, 'plugins/', 'workers/')) {
    report(path, line, 'src/ reaches plugins/ and workers/ by URL only')
  }
  if (isIn(path, 'workers/') && isIn(target, 'plugins/')) {
    report(path, line, 'workers/ reaches plugins/ by URL only')
  }
  if (path === 'plugins/builtin.ts' && !typeOnly) {
    report(path, line, 'the map of built-in plugins imports types only')
  }
  if (isIn(path, 'plugins/') && modules.has(target) && !pluginMayImport(path, target)) {
    report(path, line, `a plugin may not import ${target}`)
  }
}

function pluginMayImport(path, target) {
  if (isIn(target, 'src/contract/plugin.ts', 'src/wire/', 'src/sql/')) return true
  const folder = dirname(target)
  return folder === 'plugins' || (dirname(path) !== 'plugins' && isIn(`${folder}/`, pluginFolder(path)))
}

function pluginFolder(path) {
  return `${path.split('/').slice(0, 2).join('/')}/`
}

/** Types count: whoever reads one file of a circle must read all of them. */
function checkCycles() {
  const finished = new Set()
  const visit = (path, trail) => {
    for (const { target, line } of modules.get(path).imports) {
      if (!modules.has(target) || finished.has(target)) continue
      const start = trail.indexOf(target)
      if (start < 0) visit(target, [...trail, target])
      else report(path, line, `circular import: ${[...trail.slice(start), target].join(' -> ')}`)
    }
    finished.add(path)
  }
  for (const path of modules.keys()) if (!finished.has(path)) visit(path, [path])
}

/** In the documentation: a path, or the bare name of a source file, in backticks, and a link to a file. */
function checkDocs() {
  const names = new Set(paths.map((path) => basename(path)))
  const pages = [...readdirSync('.'), ...paths].filter((path) => /^(docs\/(zh\/)?)?[^/]+\.md$/.test(path))
  for (const page of pages) {
    for (const [index, line] of readFileSync(page, 'utf8').split('\n').entries()) {
      for (const [, path] of line.matchAll(/`((?:\w+\/)+[\w./-]*|[\w-]+\.ts)`/g)) {
        const isOurs = folders.includes(path.split('/')[0]) || !path.includes('/')
        if (isOurs && !existsSync(path) && !names.has(path)) report(page, index + 1, `there is no ${path}`)
      }
      for (const [, link] of line.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
        if (!existsSync(join(dirname(page), link))) report(page, index + 1, `there is no ${link}`)
    }
  }
}
