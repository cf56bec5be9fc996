const INTEGER = /^-?\d+$/
const TOKEN = /\s*([{}[\],:]|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*/y

/**
 * JSON text in one spelling: keys sorted, of repeated keys the last, no spaces, integers of 64 bits by their digits and other
 * numbers as doubles, which is what databases with a JSON type of their own keep of them. Text that is not JSON stays as it is.
 */
export function canonicalJson(cell: Buffer): Buffer {
  try {
    return Buffer.from(new Parser(cell.toString()).whole())
  } catch (error) {
    if (error instanceof SyntaxError) return cell
    throw error
  }
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): string {
    const value = this.#value(this.#next())
    if (this.#at < this.#text.length) throw new SyntaxError('more than one value')
    return value
  }

  #next(): string {
    TOKEN.lastIndex = this.#at
    const match = TOKEN.exec(this.#text)
    if (!match) throw new SyntaxError(`no JSON at ${this.#at}`)
    this.#at = TOKEN.lastIndex
    return match[1]!
  }

  #value(token: string): string {
    if (token === '{') return this.#object()
    if (token === '[') return this.#list()
    if (token.startsWith('"')) return JSON.stringify(JSON.parse(token))
    if (/^[-\d]/.test(token)) return number(token)
    if (/^[tfn]/.test(token)) return token
    throw new SyntaxError(`unexpected ${token}`)
  }

  #object(): string {
    const members = new Map<string, string>()
    for (let token = this.#next(); token !== '}'; token = this.#next()) {
      if (members.size > 0 && token === ',') token = this.#next()
      if (!token.startsWith('"') || this.#next() !== ':') throw new SyntaxError(`no key: ${token}`)
      members.set(JSON.stringify(JSON.parse(token)), this.#value(this.#next()))
    }
    const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${sorted.map(([key, value]) => `${key}:${value}`).join(',')}}`
  }

  #list(): string {
    const values: string[] = []
    for (let token = this.#next(); token !== ']'; token = this.#next()) {
      if (values.length > 0 && token === ',') token = this.#next()
      values.push(this.#value(token))
    }
    return `[${values.join(',')}]`
  }
}

function number(token: string): string {
  if (INTEGER.test(token)) {
    const value = BigInt(token)
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return String(value)
  }
  const value = Number(token)
  return Number.isFinite(value) ? `${value === 0 ? 0 : value}d` : token
}
