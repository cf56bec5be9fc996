/**
 * Hashes some 90 µs per row and keeps a row in 256: nearly all of the work is that of the threads, and little the server's. One long
 * SHA-256 shares nothing with other threads; thousands of short ones, as in PBKDF2, share the counters of OpenSSL.
 */
import { createHash } from 'node:crypto'
import type { Transform } from '../../src/contract/transform.js'

const SALT = Buffer.alloc(130_000, 'rowshift')

export function fingerprint(text: string): string {
  return createHash('sha256').update(text).update(SALT).digest('hex')
}

const sieve: Transform = (row) => (fingerprint(String(row['note'])).startsWith('00') ? row : null)
export default sieve
