/** A transform that is busy for some 20 µs per row: a key derived from the text of the row, as pseudonyms are made. */
import { pbkdf2Sync } from 'node:crypto'
import type { Transform } from '../../src/contract/transform.js'

const ITERATIONS = 40

/** Twenty characters. */
export function pseudonym(text: string): string {
  return pbkdf2Sync(text, 'rowshift', ITERATIONS, 10, 'sha256').toString('hex')
}

const hash: Transform = (row) => ({ ...row, user_no: pseudonym(String(row['note'])) })
export default hash
