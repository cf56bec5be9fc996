/**
 * The start of the single executable. The modules that it holds are written into a folder of the user's, once for each version, and run from there
 * like those of an installed package: worker threads, WebAssembly and modules of others need files.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { getAsset } from 'node:sea'
import { ownFolder } from './own-folder.js'

const DAY_MS = 86_400_000

/** The asset `contents.json`: what scripts/release.mjs has put in. */
interface Contents {
  /** Changes with any file. */
  readonly id: string
  /** Bytes of each file, by its path. */
  readonly files: Readonly<Record<string, number>>
  /** The file that starts the program. */
  readonly start: string
}

const contents = JSON.parse(getAsset('contents.json', 'utf8')) as Contents
const folder = unpacked()
if (folder !== null) {
  setInterval(touch, DAY_MS, folder).unref()
  createRequire(join(folder, contents.start))(join(folder, contents.start))
}

/** The folder with all files; null: there is none, which was said. */
function unpacked(): string | null {
  try {
    const own = ownFolder()
    if (own === null)
      throw new Error('no folder for them belongs to this user alone; set XDG_CACHE_HOME to one that does')
    const home = join(own, contents.id)
    if (!isComplete(home)) unpack(own, home)
    return home
  } catch (thrown) {
    process.stderr.write(
      `rowshift: its files cannot be unpacked: ${(thrown as Error).message} [CONFIG_INVALID]\n`,
    )
    process.exitCode = 2
    return null
  }
}

/** Whoever cleans temporary folders may have removed some. */
function isComplete(home: string): boolean {
  return Object.entries(contents.files).every(
    ([path, bytes]) => statSync(join(home, path), { throwIfNoEntry: false })?.size === bytes,
  )
}

/** Whoever removes files that nobody has used for days leaves these: threads and commands are loaded when they are needed. */
function touch(home: string): void {
  const now = new Date()
  for (const path of Object.keys(contents.files)) {
    try {
      utimesSync(join(home, path), now, now)
    } catch {
      // What is gone already cannot be kept.
    }
  }
}

/** Beside its place first, so that no other process ever sees half of it. */
function unpack(own: string, home: string): void {
  const partial = mkdtempSync(join(own, 'new-'))
  try {
    for (const path of Object.keys(contents.files)) {
      mkdirSync(join(partial, dirname(path)), { recursive: true })
      writeFileSync(join(partial, path), new Uint8Array(getAsset(path)), { mode: 0o600 })
    }
    replace(partial, home)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

function replace(partial: string, home: string): void {
  try {
    renameSync(partial, home)
  } catch (thrown) {
    // Another process was faster.
    if (isComplete(home)) return
    if (!['ENOTEMPTY', 'EEXIST'].includes((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown
    const damaged = mkdtempSync(join(dirname(home), 'old-'))
    renameSync(home, join(damaged, 'files'))
    rmSync(damaged, { recursive: true, force: true })
    renameSync(partial, home)
  }
}
