import { isIPv6, SocketAddress } from 'node:net'

/**
 * Whether a column of IPv6 addresses gives this text back unchanged. Servers write the longest run of zero groups as `::`, also a
 * run of one, and the last 32 bits after `::` or `::ffff:` in decimal.
 */
export function isCanonicalInet6(address: string): boolean {
  return isIPv6(address) && !address.includes('%') && canonical(groupsOf(address)) === address
}

function groupsOf(address: string): string[] {
  const normal = new SocketAddress({ address, family: 'ipv6' }).address
  const plain = normal.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) =>
    [bytes.slice(0, 2), bytes.slice(2, 4)]
      .map(([high, low]) => hex(Number(high) * 256 + Number(low)))
      .join(':'),
  )
  const [before = [], after] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')))
  if (after === undefined) return before
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
}

function canonical(groups: readonly string[]): string {
  const { at, length } = longestZeros(groups)
  if (length === 0) return groups.join(':')
  if (at === 0 && length === 6) return `::${dotted(groups)}`
  if (at === 0 && length === 5 && groups[5] === 'ffff') return `::ffff:${dotted(groups)}`
  return `${groups.slice(0, at).join(':')}::${groups.slice(at + length).join(':')}`
}

function longestZeros(groups: readonly string[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 }
  for (let at = 0; at < groups.length; at++) {
    const end = groups.findIndex((group, i) => i >= at && group !== '0')
    const length = (end < 0 ? groups.length : end) - at
    if (length > longest.length) longest = { at, length }
  }
  return longest
}

function dotted(groups: readonly string[]): string {
  return groups
    .slice(6)
    .map((group) => parseInt(group, 16))
    .map((pair) => `${pair >> 8}.${pair & 255}`)
    .join('.')
}

function hex(group: number): string {
  return group.toString(16)
}
