// Makes release/: the npm package, a single executable for servers without Node.js and internet (as tar.gz, and as a Debian
// package), a list of what is inside (SBOM), and checksums. `--arch x64,arm64` names the processors (this machine's), `--to` another folder.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { makeDeb } from './deb.mjs'
import { fetchNode } from './fetch-node.mjs'
import { licences, packageFolders } from './licences.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const NODE = '24'
/** Loaded by runs that need them, so that they are not in the bundle. */
const PACKAGES = ['pino', 'ajv', 'pg', 'bullmq', 'ioredis']
/** The names of what a release is. */
const MADE = /^(rowshift[-_]\d.*\.(tgz|tar\.gz|deb|cdx\.json)|SHA256SUMS)$/
/** What Node.js looks for to see whether it holds a program. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

const { values } = parseArgs({
  options: { arch: { type: 'string', default: process.arch }, to: { type: 'string', default: 'release' } },
})
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const release = resolve(values.to)
const work = mkdtempSync(join(tmpdir(), 'rowshift-release-'))
try {
  await makeRelease()
} finally {
  rmSync(work, { recursive: true })
}

async function makeRelease() {
  emptyFolder()
  run('npm', ['pack', '--silent', '--pack-destination', release])
  const app = join(work, 'app')
  const folders = await gatherApp(app)
  const node = fetchNode(NODE)
  const exact = run(node, ['--version']).trim().slice(1)
  const blob = await makeBlob(app, node)
  for (const arch of values.arch.split(',')) await makeExecutable(blob, arch, exact, folders)
  writeFileSync(join(release, `rowshift-${version}.cdx.json`), sbom(folders, exact))
  const names = readdirSync(release).sort((a, b) => a.localeCompare(b))
  const sums = names.map((name) => `${sha256(readFileSync(join(release, name)))}  ${name}\n`)
  writeFileSync(join(release, 'SHA256SUMS'), sums.join(''))
  for (const name of [...names, 'SHA256SUMS'])
    process.stdout.write(`${(statSync(join(release, name)).size / 1e6).toFixed(1).padStart(6)} MB  ${name}\n`)
}

/** Takes away what an earlier release has left, and nothing else. */
function emptyFolder() {
  mkdirSync(release, { recursive: true })
  const names = readdirSync(release)
  const others = names.filter((name) => !MADE.test(name))
  if (others.length > 0)
    throw new Error(
      `${release} holds ${others[0]}, which no release has made: --to takes a folder of its own`,
    )
  for (const name of names) rmSync(join(release, name))
}

/** All files of the program, as in an installed package; gives the folders of the packages in it. */
async function gatherApp(app) {
  cpSync('bundle', join(app, 'bundle'), { recursive: true, filter: (path) => !path.endsWith('.map') })
  for (const name of ['etc', 'LICENSE', 'package.json']) cpSync(name, join(app, name), { recursive: true })
  writeFileSync(join(app, 'start.cjs'), "import('./bundle/src/cli/start.js')\n")
  const inputs = {}
  const own = createRequire(join(process.cwd(), 'package.json'))
  for (const name of PACKAGES) {
    const names = Object.keys(own(name)).filter((key) => key !== 'default')
    const { metafile } = await build({
      entryPoints: [own.resolve(name)],
      outfile: join(app, 'node_modules', name, 'index.js'),
      external: ['pg-native', 'cloudflare:sockets'],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      // By this, `import` finds the names in code that is minified.
      footer: { js: `0 && (module.exports = { ${names.join(', ')} })` },
      metafile: true,
      logLevel: 'warning',
    })
    Object.assign(inputs, metafile.inputs)
  }
  const folders = packageFolders({ inputs })
  const known = readFileSync('bundle/LICENSES.txt', 'utf8')
  writeFileSync(join(app, 'bundle/LICENSES.txt'), `${known}\n${licences(folders)}`)
  return folders
}

/** What goes into the executable: the start, and every file as an asset. */
async function makeBlob(app, node) {
  const start = join(work, 'start.cjs')
  await build({
    entryPoints: ['dist/src/cli/single-file.js'],
    outfile: start,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
  })
  const paths = readdirSync(app, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(app.length + 1))
    .sort((a, b) => a.localeCompare(b))
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path}\n`).update(readFileSync(join(app, path)))
  const files = Object.fromEntries(paths.map((path) => [path, statSync(join(app, path)).size]))
  const id = `rowshift-${version}-${hash.digest('hex').slice(0, 16)}`
  writeFileSync(join(work, 'contents.json'), JSON.stringify({ id, files, start: 'start.cjs' }))
  const assets = Object.fromEntries(paths.map((path) => [path, join(app, path)]))
  const blob = join(work, 'blob')
  const config = {
    main: start,
    output: blob,
    disableExperimentalSEAWarning: true,
    assets: { ...assets, 'contents.json': join(work, 'contents.json') },
  }
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config))
  run(node, ['--experimental-sea-config', join(work, 'sea.json')])
  return readFileSync(blob)
}

async function makeExecutable(blob, arch, exact, folders) {
  const node = fetchNode(arch === process.arch ? NODE : exact, { arch })
  const name = `rowshift-${version}-linux-${arch}`
  const folder = join(work, name)
  mkdirSync(folder)
  const program = join(folder, 'rowshift')
  copyFileSync(node, program)
  chmodSync(program, 0o755)
  const { inject } = await import('postject')
  await inject(program, 'NODE_SEA_BLOB', blob, { sentinelFuse: FUSE })
  for (const file of ['README.md', 'LICENSE', 'bundle/rowshift.1'])
    copyFileSync(file, join(folder, file.split('/').pop()))
  writeFileSync(join(folder, 'LICENSES.txt'), allLicences(node, folders))
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(
      join(folder, `completion.${shell}`),
      run(process.execPath, ['bundle/src/cli/main.js', 'completion', shell]),
    )
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner']
  run('tar', ['-C', work, ...order, '-czf', join(release, `${name}.tar.gz`), name])
  makeDeb({ folder, version, arch, work, to: release })
}

function allLicences(node, folders) {
  const own = [...readFileSync('bundle/LICENSES.txt', 'utf8').split('\n'), licences(folders)].join('\n')
  const nodes = join(dirname(node), '../LICENSE')
  const text = readdirSync(dirname(nodes)).includes('LICENSE') ? readFileSync(nodes, 'utf8') : ''
  return `${own}\nNode.js (MIT, and the licences of what it contains)\n\n${text}`
}

/** Of npm's own list, what goes out: what is installed with the package, what is in the bundle, and what is in the executable. */
function sbom(folders, node) {
  const all = JSON.parse(run('npm', ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application']))
  const bundled = [...readFileSync('bundle/LICENSES.txt', 'utf8').matchAll(/^(\S+) (\d+\.\S+) \(.*\)$/gm)]
  const single = folders.map((folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  const wanted = new Set([
    ...bundled.map(([, name, number]) => `${name}@${number}`),
    ...single.map(({ name, version: number }) => `${name}@${number}`),
  ])
  const components = all.components.filter(({ 'bom-ref': ref }) => wanted.has(ref))
  const missing = [...wanted].filter((ref) => !components.some(({ 'bom-ref': known }) => known === ref))
  if (missing.length > 0) throw new Error(`npm sbom does not list ${missing.join(', ')}`)
  const runtime = { 'bom-ref': `node@${node}`, type: 'platform', name: 'node', version: node }
  const own = all.metadata.component['bom-ref']
  const dependencies = all.dependencies
    .filter(({ ref }) => ref === own || wanted.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => wanted.has(other)) }))
  return `${JSON.stringify({ ...all, components: [...components, runtime], dependencies }, null, 2)}\n`
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} failed\n${error?.message ?? ''}${stdout}${stderr}`)
}
