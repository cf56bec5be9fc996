import { parseJson as parseJsonText } from '../config/json.js'
import { RowshiftError } from '../contract/errors.js'

/** The JSON of a `params` column, not checked yet; empty means none. Throws PARAMS_INVALID. */
export function rawParams(text: string | null): unknown {
  return text === null || text.trim() === '' ? {} : parseJson(text)
}

function parseJson(text: string): unknown {
  try {
    return parseJsonText(text)
  } catch (error) {
    throw new RowshiftError('PARAMS_INVALID', `The params are ${(error as Error).message}.`, {}, error)
  }
}
