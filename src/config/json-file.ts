import { readFileSync } from 'node:fs'
import { parseJson } from './json.js'

/** null: it is not there, or cannot be read, which is then among the faults. */
export function readJsonFile(path: string, required: boolean, faults: string[]): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (required || code !== 'ENOENT') {
      faults.push(`${path}: cannot be read (${code}); -c names the folder and -e the file in it`)
    }
    return null
  }
  try {
    return parseJson(text)
  } catch (error) {
    faults.push(`${path}: is ${(error as Error).message}`)
    return null
  }
}
