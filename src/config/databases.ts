import { RowshiftError } from '../contract/errors.js'
import { nameOf, parsePattern } from '../features/shard/pattern.js'
import { cutType } from './url.js'

/** The names that a pattern of databases stands for; null when it is one name. Throws PARAMS_INVALID. */
export function expand(name: string): readonly string[] | null {
  // A star is part of a database's name or path.
  if (!name.includes('{')) return null
  const pattern = parsePattern(name)
  if (pattern.kind === 'single') return null
  if (pattern.kind === 'labels') return pattern.labels.map((label) => nameOf(pattern, label))
  throw new RowshiftError(
    'PARAMS_INVALID',
    `Databases are counted or listed, {0..3} or {a,b}; ${JSON.stringify(name)} does neither.`,
    { pattern: name },
  )
}

/**
 * The URLs that one with a pattern in its host or path stands for, each with the word that the pattern is part of; null
 * when there is none. User, password and parameters are left alone, and so are references like `${NAME}`.
 */
export function expandUrl(text: string): readonly { url: string; name: string }[] | null {
  const [type, rest] = cutType(text)
  if (type === '') return null
  const [, user = '', location = '', after = ''] = /^((?:\/\/[^/?#]*@)?)([^?#]*)(.*)$/s.exec(rest)!
  const words = location.split(/([/:])/)
  const found = words.flatMap((word, i) => {
    const names = word.includes('${') ? null : expand(word)
    return names === null ? [] : [{ names, i }]
  })
  const [only, ...more] = found
  if (only === undefined) return null
  if (more.length > 0) {
    throw new RowshiftError('USAGE', 'A URL may have one pattern in its host and path, and one in its table.')
  }
  return only.names.map((name) => ({
    url: type + user + words.toSpliced(only.i, 1, name).join('') + after,
    name,
  }))
}
