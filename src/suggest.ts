/** `; did you mean "from"?`: the known name that is nearest to a mistyped one; '' when none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const most = Math.max(1, Math.floor(name.length / 3))
  let nearest: { name: string; distance: number } | null = null
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > most) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance <= most && distance < (nearest?.distance ?? Infinity))
      nearest = { name: candidate, distance }
  }
  return nearest === null ? '' : `; did you mean "${nearest.name}"?`
}

/** Characters to be added, taken away, replaced or exchanged with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (exchanged) next[j] = Math.min(next[j]!, before[j - 2]! + 1)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
