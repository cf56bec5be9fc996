import { text } from 'node:stream/consumers'
import { RowshiftError } from '../contract/errors.js'

/** Stands for arguments that are read from standard input: the list of processes shows the others to everybody on the machine. */
const MARK = '@-'

/** The arguments, with those that standard input holds in the place of the mark, as a JSON list of texts. Throws USAGE. */
export async function withArgumentsOnStdin(args: readonly string[]): Promise<readonly string[]> {
  const at = args.indexOf(MARK)
  return at < 0
    ? args
    : [...args.slice(0, at), ...argumentsIn(await text(process.stdin)), ...args.slice(at + 1)]
}

function argumentsIn(json: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(json)
    if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list
  } catch {
    // Its text may be a secret.
  }
  throw new RowshiftError(
    'USAGE',
    `${MARK} stands for arguments on standard input: a JSON list of texts, like ["--param=pre_sql=…"].`,
  )
}
