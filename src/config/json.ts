/** Whether a text is JSON, and where it stops being that; the runtime's own message does not always say, and quotes the text, which may be a password. */

const SPACE = /[ \t\n\r]*/y
// oxlint-disable-next-line no-control-regex
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Parses JSON; throws a SyntaxError whose message names line and column, and nothing of the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError(`not JSON at ${positionOf(text, faultOf(text))}`, { cause: error })
  }
}

/** Objects and lists only: other JSON is more likely meant as what it looks like. */
export function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function positionOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n')
  const end = offset >= text.length ? ' (the end)' : ''
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}${end}`
}

/** The offset of the first character that cannot be there. Without recursion, so that no depth is too much. */
function faultOf(text: string): number {
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found !== null
  }
  const takeOne = (character: string): boolean => {
    take(SPACE)
    if (text[at] !== character) return false
    at++
    return true
  }
  const open: ('}' | ']')[] = []
  const name = (): boolean => {
    take(SPACE)
    return take(STRING) && takeOne(':')
  }
  for (;;) {
    take(SPACE)
    const bracket = text[at]
    if (bracket === '{' || bracket === '[') {
      at++
      const end = bracket === '{' ? '}' : ']'
      if (!takeOne(end)) {
        open.push(end)
        if (end === '}' && !name()) return at
        continue
      }
    } else if (!take(STRING) && !take(SCALAR)) return at
    while (open.length > 0 && !takeOne(',')) {
      if (!takeOne(open.at(-1)!)) return at
      open.pop()
    }
    if (open.length === 0) {
      take(SPACE)
      return at
    }
    if (open.at(-1) === '}' && !name()) return at
  }
}
