// Node.js of any version, as the package of npm that has nothing but the program for one platform: fetched once, into a cache
// folder. As a program it prints the path: `node scripts/fetch-node.mjs 20.19`, perhaps with a processor (`arm64`).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FLAGS = [
  '--no-save',
  '--no-audit',
  '--no-fund',
  '--ignore-scripts',
  '--global=false',
  '--dry-run=false',
]

/** The path of the program. Throws an error with what npm says where it cannot be fetched. */
export function fetchNode(version, { arch = process.arch, why = '' } = {}) {
  const { platform } = process
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rowshift')
  const folder = join(cache, arch === process.arch ? `node-${version}` : `node-${version}-${arch}`)
  const program = join('node_modules', name, 'bin/node')
  if (existsSync(join(folder, program))) return join(folder, program)
  process.stderr.write(`${why}fetching Node.js ${version} into ${folder} (once) …\n`)
  mkdirSync(cache, { recursive: true })
  const partial = mkdtempSync(`${folder}.`)
  const args = ['install', `${name}@${version}`, '--prefix', partial, '--force', ...FLAGS]
  const { stderr, error } = spawnSync('npm', args, { cwd: partial, encoding: 'utf8' })
  if (!existsSync(join(partial, program))) {
    rmSync(partial, { recursive: true })
    throw new Error(`${stderr || error?.message}\nNode.js ${version} could not be fetched`)
  }
  try {
    renameSync(partial, folder)
  } catch {
    // Another process was faster.
    rmSync(partial, { recursive: true })
  }
  return join(folder, program)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [version = '24', arch] = process.argv.slice(2)
  process.stdout.write(`${fetchNode(version, { arch })}\n`)
}
