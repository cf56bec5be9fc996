import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 of IEEE 802.3, unsigned: what `CRC32()` of servers and `java.util.zip.CRC32` give. */
export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes)
}

const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/** MurmurHash3 for x86 with 32 bits, unsigned. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  const { length } = bytes
  const blocks = length & ~3
  let hash = seed
  for (let at = 0; at < blocks; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash ^= scramble(block)
    hash = Math.imul(rotate(hash, 13), 5) + 0xe6546b64
  }
  let tail = 0
  for (let at = length - 1; at >= blocks; at--) tail = (tail << 8) | bytes[at]!
  hash ^= scramble(tail)
  return avalanche(hash ^ length)
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, C1), 15), C2)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function avalanche(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** `String.hashCode` of Java, signed: over UTF-16 units, so that a character beyond U+FFFF counts as two. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}
