import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'

/**
 * A folder for files that rowshift makes for itself and runs later: in the user's cache (`XDG_CACHE_HOME`), or where there is no home directory, in
 * the temporary folder. null: there is none that belongs to this user, and that nobody else can write to or put another one in the place of.
 */
export function ownFolder(): string | null {
  for (const folder of candidates()) {
    const own = isAbsolute(folder) ? ownAt(folder) : null
    if (own !== null) return own
  }
  return null
}

function candidates(): string[] {
  const user = process.getuid?.() ?? 'user'
  const named = process.env['XDG_CACHE_HOME']
  const cache = named && isAbsolute(named) ? named : underHome('.cache')
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

/** Makes the folder and the one above it if need be. What is there may be a trap of somebody else's; null: it is, or may become one. */
function ownAt(folder: string): string | null {
  try {
    const cache = dirname(folder)
    // Not in the home of another user, who would have a folder there that is not theirs.
    if (isSafe(realpathSync(dirname(cache)))) makeFolder(cache)
    // Whoever can change a link on the way there changes nothing any more.
    const own = join(realpathSync(cache), folder.slice(cache.length + 1))
    if (!isSafe(dirname(own))) return null
    makeFolder(own)
    return isOwn(own) ? own : null
  } catch {
    return null
  }
}

/** Whether nobody else can put another folder in its place: who owns the one above, or may write to it, can rename what it holds. */
function isSafe(folder: string): boolean {
  if (process.getuid === undefined) return true
  const { uid, mode } = lstatSync(folder)
  // In a sticky one, everybody renames only what is theirs.
  const closed = (mode & 0o022) === 0 || (mode & 0o1000) !== 0
  if (!closed || (uid !== 0 && uid !== process.getuid())) return false
  return dirname(folder) === folder || isSafe(dirname(folder))
}

/** Whether it is a folder of this user's that nobody else can write to. */
function isOwn(folder: string): boolean {
  const stats = lstatSync(folder)
  if (!stats.isDirectory()) return false
  return process.getuid === undefined || (stats.uid === process.getuid() && (stats.mode & 0o022) === 0)
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch {
    // It exists, or cannot be made, which the caller sees.
  }
}
