// What the machine has, and how to get what it lacks. Everything here is synchronous: it happens once, before a server
// starts, and two package managers at the same time would only get in each other's way.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { isRoot } from './launch.js'

export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null
}

/** As findProgram; installs the Debian package that has it if need be and possible. */
export function needProgram(name: string, debianPackage: string): string | null {
  const found = findProgram(name)
  if (found || !canInstall()) return found
  aptInstall(debianPackage)
  return findProgram(name)
}

export function canInstall(): boolean {
  return isRoot && findProgram('apt-get') !== null
}

export function aptInstall(...packages: string[]): void {
  say(`installing ${packages.join(' ')} …`)
  const args = ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', ...packages]
  try {
    apt(args)
  } catch {
    apt(['update'])
    apt(args)
  }
}

/** One at a time: of two that fetch the package lists, the second fails. A service that a package starts must not keep the lock. */
function apt(args: readonly string[]): void {
  run('flock', ['--close', join(tmpdir(), 'rowshift-apt.lock'), 'apt-get', ...args])
}

/** The mirror of Debian's main archive that this machine installs its own packages from. */
export function debianMirror(): string {
  let mirror = configuredMirror()
  if (!mirror) {
    // Labels are known only once the package lists have been fetched.
    apt(['update'])
    mirror = configuredMirror()
  }
  if (!mirror) throw new Error('apt is not configured with a mirror of the Debian archive')
  return mirror
}

function configuredMirror(): string | undefined {
  const format = '$(LABEL)\t$(RELEASE)\t$(REPO_URI)'
  const targets = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const uris = targets
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([label, release]) => label === 'Debian' && !release?.includes('-'))
    .map(([, , uri]) => uri!.replace(/^mirror\+file:\/*/, 'mirror:/'))
  const [uri] = uris
  // Debian's cloud images name a file that lists mirrors.
  return uri?.startsWith('mirror:') ? readFileSync(uri.slice(7), 'utf8').split(/\s/)[0] : uri
}

/** Runs a program to its end, which must come within fifteen minutes, and returns its standard output. */
export function run(program: string, args: readonly string[]): string {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      env,
      stdio: 'pipe',
      timeout: 900_000,
      maxBuffer: 2 ** 28,
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    const output = `${stdout ?? ''}${stderr ?? ''}`.trim().slice(-2000)
    throw new Error(`${program} ${args.join(' ')} failed\n${output}`, { cause: error })
  }
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
