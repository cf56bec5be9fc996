// The licences of packages whose code goes out with rowshift.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folders of the packages in a build, from what esbuild says about it. */
export function packageFolders({ inputs }) {
  const folders = Object.keys(inputs).flatMap(
    (path) => path.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? [],
  )
  return [...new Set(folders)].sort((a, b) => a.localeCompare(b))
}

export function licences(folders) {
  return folders.map(licence).join('\n')
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : ''
  return `${name} ${version} (${license})\n\n${text}\n`
}
