// Bundles of the program for the fault suite: with failpoints, and deliberately broken ones.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A module of `dist/` in which a text that is there exactly once becomes another, or which another module replaces. */
export type Edit =
  | { readonly file: string; readonly from: string; readonly to: string }
  | { readonly file: string; readonly instead: string }

const root = fileURLToPath(new URL('../../..', import.meta.url))
const failpoints: Edit = { file: 'dist/src/failpoint.js', instead: 'dist/test/faults/failpoint.js' }

/** Makes the bundles that are not there yet and resolves to the programs in them, in the same order. */
export function programsOf(
  builds: readonly { readonly name: string; readonly edits: readonly Edit[] }[],
): string[] {
  const homes = builds.map(({ name }) => `dist/test/faults/builds/${name}`)
  const missing = builds.flatMap(({ edits }, i) => {
    const folder = `${homes[i]!}/bundle`
    return existsSync(join(root, folder)) ? [] : [{ folder, edits: [failpoints, ...edits] }]
  })
  if (missing.length > 0) make(missing)
  return homes.map((home) => {
    // Modules find these by a path relative to their own.
    for (const name of ['etc', 'package.json']) link(name, home)
    return join(root, home, 'bundle/src/cli/main.js')
  })
}

function make(builds: readonly object[]): void {
  const args = ['scripts/bundle.mjs', JSON.stringify(builds)]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`a bundle of the fault suite cannot be made:\n${stderr}`)
}

function link(name: string, home: string): void {
  const path = join(root, home, name)
  mkdirSync(join(root, home), { recursive: true })
  if (!existsSync(path)) symlinkSync(relative(join(root, home), join(root, name)), path)
}
