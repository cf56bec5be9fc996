import { existsSync, readFileSync } from 'node:fs'

let known: string | null = null

/** Of this rowshift. Bundled code lies in other folders than its sources, so its package.json is looked for upwards. */
export function rowshiftVersion(): string {
  known ??= versionAbove(new URL('./', import.meta.url))
  return known
}

function versionAbove(folder: URL): string {
  const file = new URL('package.json', folder)
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  return versionAbove(new URL('../', folder))
}
