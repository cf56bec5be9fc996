import { lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * A folder for files that rowshift makes for itself and runs later: in the user's cache (`XDG_CACHE_HOME`), or where there is no home directory, in
 * the temporary folder. null: there is none that belongs to this user and that nobody else can write to.
 */
export function ownFolder(): string | null {
  return candidates().find(isOwn) ?? null
}

function candidates(): string[] {
  const user = process.getuid?.() ?? 'user'
  const cache = process.env['XDG_CACHE_HOME'] || underHome('.cache')
  return [...(cache ? [join(cache, 'rowshift')] : []), join(tmpdir(), `rowshift-${user}`)]
}

function underHome(name: string): string | null {
  try {
    return join(homedir(), name)
  } catch {
    // The user has no entry in the list of users.
    return null
  }
}

/** Makes the folder and the one above it if need be. What is there may be a trap of somebody else's. */
function isOwn(folder: string): boolean {
  makeFolder(dirname(folder))
  makeFolder(folder)
  try {
    const { uid, mode, isDirectory } = factsOf(folder)
    return isDirectory && (process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0))
  } catch {
    return false
  }
}

function factsOf(folder: string) {
  const stats = lstatSync(folder)
  return { uid: stats.uid, mode: stats.mode, isDirectory: stats.isDirectory() }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch {
    // It exists, or cannot be made, which the caller sees.
  }
}
