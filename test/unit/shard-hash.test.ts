import { expect } from 'chai'
import { describe, it } from 'mocha'
import { crc32, javaHash, murmur3 } from '../../src/features/shard/hash.js'

const PANGRAM = 'The quick brown fox jumps over the lazy dog'

describe('hashes of shards', () => {
  it('CRC-32: the check value of the catalogue, and others', () => {
    expect(crc32(Buffer.from('123456789'))).to.equal(0xcbf43926)
    expect(crc32(Buffer.from(PANGRAM))).to.equal(0x414fa339)
    expect(crc32(Buffer.from('MySQL'))).to.equal(3259397556)
    expect(crc32(Buffer.alloc(0))).to.equal(0)
  })

  it('MurmurHash3: published values of every length of tail', () => {
    const values: [string, number, number][] = [
      ['', 0, 0],
      ['', 1, 0x514e28b7],
      ['', 0xffffffff, 0x81f16f39],
      ['test', 0, 0xba6bd213],
      ['test', 0x9747b28c, 0x704b81dc],
      ['Hello, world!', 0, 0xc0363e43],
      ['Hello, world!', 0x9747b28c, 0x24884cba],
      [PANGRAM, 0, 0x2e4ff723],
      [PANGRAM, 0x9747b28c, 0x2fa826cd],
      ['aaaa', 0x9747b28c, 0x5a97808a],
      ['aaa', 0x9747b28c, 0x283e0130],
      ['aa', 0x9747b28c, 0x5d211726],
      ['a', 0x9747b28c, 0x7fa09ea6],
      ['ππππππππ', 0x9747b28c, 0xd58063c1],
    ]
    for (const [text, seed, hash] of values)
      expect(murmur3(Buffer.from(text), seed), `${text} ${seed}`).to.equal(hash)
  })

  it('MurmurHash3: the verification value of SMHasher, over all lengths up to 255', () => {
    const hashes = Buffer.alloc(256 * 4)
    const key = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
    for (let i = 0; i < 256; i++) hashes.writeUInt32LE(murmur3(key.subarray(0, i), 256 - i), i * 4)
    expect(murmur3(hashes)).to.equal(0xb0f57ee3)
  })

  it("Java's String.hashCode: signed, and by UTF-16 units", () => {
    expect(javaHash('')).to.equal(0)
    expect(javaHash('hello')).to.equal(99162322)
    expect(javaHash('Aa')).to.equal(javaHash('BB')).and.to.equal(2112)
    expect(javaHash('polygenelubricants')).to.equal(-2147483648)
    expect(javaHash(PANGRAM)).to.equal(-609428141)
    expect(javaHash('😀')).to.equal(0xd83d * 31 + 0xde00)
    expect(javaHash('中文')).to.equal(0x4e2d * 31 + 0x6587)
  })
})
