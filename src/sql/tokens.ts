/**
 * SQL as a list of tokens that joins to the same text again. `pattern` is sticky and matches one token: a quoted name or
 * string, a comment, a word, white space, or one other character. What stands in parentheses becomes one token with them.
 */
export function tokenize(sql: string, pattern: RegExp): string[] {
  const tokens: string[] = []
  let depth = 0
  for (const [token] of sql.matchAll(new RegExp(pattern, 'gy'))) {
    if (depth > 0) tokens[tokens.length - 1] += token
    else tokens.push(token)
    if (token === '(') depth++
    if (token === ')' && depth > 0) depth--
  }
  return tokens
}

/** The list inside a token of parentheses, cut at its commas; white space around the parts is left out. */
export function listOf(group: string, pattern: RegExp): string[][] {
  const parts: string[][] = [[]]
  for (const token of tokenize(group.slice(1, -1), pattern)) {
    if (token === ',') parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts.map(trim)
}

/**
 * Replaces each run of tokens that match `words`, white space between them aside. `by` gets the run without white space;
 * null takes the run and the space before it away.
 */
export function rewrite(
  tokens: readonly string[],
  words: readonly RegExp[],
  by: (run: readonly string[]) => string | null,
): string[] {
  const result: string[] = []
  for (let at = 0; at < tokens.length;) {
    const run = runAt(tokens, at, words)
    const text = run === null ? tokens[at]! : by(run.words)
    if (text !== null) result.push(text)
    else if (isSpace(result.at(-1))) result.pop()
    at = run === null ? at + 1 : run.end
  }
  return result
}

/** The first run of tokens that match `words`, or null. */
export function find(tokens: readonly string[], ...words: readonly RegExp[]): readonly string[] | null {
  for (let at = 0; at < tokens.length; at++) {
    const run = runAt(tokens, at, words)
    if (run !== null) return run.words
  }
  return null
}

function runAt(
  tokens: readonly string[],
  start: number,
  words: readonly RegExp[],
): { words: string[]; end: number } | null {
  const found: string[] = []
  let at = start
  for (const word of words) {
    if (found.length > 0) while (isSpace(tokens[at])) at++
    const token = tokens[at++]
    if (token === undefined || !word.test(token)) return null
    found.push(token)
  }
  return { words: found, end: at }
}

function isSpace(token: string | undefined): boolean {
  return token !== undefined && /^\s+$/.test(token)
}

function trim(tokens: readonly string[]): string[] {
  const start = tokens.findIndex((token) => !isSpace(token))
  if (start < 0) return []
  const end = tokens.findLastIndex((token) => !isSpace(token))
  return tokens.slice(start, end + 1)
}
