/**
 * The collation of a server that orders and compares most like one that it does not know. Among those equally near the
 * finer comes first: what it keeps apart cannot collide in a unique key. null: the server has none for that character set.
 */
export function nearestCollation(name: string, known: ReadonlySet<string>): string | null {
  return candidates(name).find((candidate) => known.has(candidate)) ?? null
}

function candidates(name: string): string[] {
  const [charset = '', ...rest] = name.split('_')
  const other = { utf8: 'utf8mb3', utf8mb3: 'utf8' }[charset]
  const own = [name, ...similar(charset, rest)]
  return other === undefined ? own : [...own, ...[name, ...own].map((each) => each.replace(charset, other))]
}

function similar(charset: string, words: readonly string[]): string[] {
  const of = (...endings: string[]) => endings.map((ending) => `${charset}_${ending}`)
  if (words.at(-1) === 'bin') return of('nopad_bin', '0900_bin', 'bin')
  const exact = words.includes('cs') && !words.includes('ci')
  const accents = exact || words.includes('as') ? 'as' : 'ai'
  const letters = exact ? 'cs' : 'ci'
  // Languages have other names on the two servers; German phone books and the like become the general order.
  const unicode = of(
    `uca1400_nopad_${accents}_${letters}`,
    `0900_${accents}_${letters}`,
    ...(accents === 'as' ? ['0900_as_cs', 'nopad_bin', 'bin'] : []),
    'unicode_520_nopad_ci',
    'unicode_520_ci',
    'unicode_ci',
  )
  const padded = words.filter((word) => word !== 'nopad').join('_')
  if (words.includes('0900') || words.includes('uca1400')) return unicode
  return [...of(padded), ...unicode, ...of('general_ci', 'bin')]
}

export function charsetOf(collation: string): string {
  return collation.split('_')[0]!
}
