/**
 * A piece of SQL from the user as it stands in a statement of ours. Each is checked first to be complete by itself, so that no
 * bracket, quote or comment in it reaches beyond these brackets.
 */
export function enclosed(fragment: string): string {
  // A comment to the end of the line must not swallow the bracket.
  return `(${fragment}${/--|#/.test(fragment) ? '\n' : ''})`
}

const COMMENT = /--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?![!M])[^]*?\*\//
const STRING = /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"/
const WORD = /`((?:[^`]|``)*)`|[\p{L}\p{N}_$@]+|:=/u

/**
 * The words of a piece of SQL in lower case: names without their backticks, keywords, functions and `:=`, without strings and
 * comments. For hints and warnings: what a piece may do is the server's to say.
 */
export function wordsOf(fragment: string): string[] {
  const token = new RegExp(`${COMMENT.source}|${STRING.source}|${WORD.source}`, 'gu')
  return [...fragment.matchAll(token)].flatMap(([text, quoted]) => {
    if (/^['"#]|^--|^\/\*/.test(text)) return []
    return [(quoted ?? text).toLowerCase()]
  })
}
