/** The URLs of `--from`, `--to` and lookups: a database type, a colon, and what the type's plugin makes of the rest. */
import { isBuiltin } from 'node:module'
import { RowshiftError } from '../contract/errors.js'

/** The type is a scheme, or whatever else a module is called: `@me/plugin:…`, `./plugin.mjs:…`, `some_package:…`. */
const TYPE = /^(?:[a-z][\w.+~-]*|[@./][^:?#\s]*):/i
const SCHEME = /^[a-z][a-z0-9+.-]*$/i

export interface TypedUrl {
  readonly type: string
  readonly url: URL
}

export function isUrl(text: string): boolean {
  return TYPE.test(text)
}

/** The type and its colon, and the rest. */
export function cutType(text: string): readonly [type: string, rest: string] {
  const [type = ''] = TYPE.exec(text) ?? []
  return [type, text.slice(type.length)]
}

/** Says what is wrong without showing the text, which may hold a password. */
export function parseUrl(text: string, option: string): TypedUrl {
  const [head, rest] = cutType(text)
  const type = head.slice(0, -1)
  const isScheme = SCHEME.test(type)
  const whole = isScheme ? text : `plugin:${rest}`
  if (head === '' || !URL.canParse(whole)) {
    throw new RowshiftError(
      'USAGE',
      `${option} is not a URL. It has the form type://user:password@host:port/db?table=name, with special characters of the password percent-encoded and a port of at most 65535.`,
    )
  }
  const url = new URL(whole)
  if (!isScheme) return { type, url }
  const scheme = url.protocol.slice(0, -1)
  refuseWebAddress(scheme, option)
  return { type: scheme, url }
}

/** The scheme of a URL may name a plugin, and some schemes are modules of the runtime, which are none. */
function refuseWebAddress(scheme: string, option: string): void {
  if (!/^(https?|ftps?|sftp|wss?|data|mailto)$/.test(scheme) && !isBuiltin(scheme)) return
  throw new RowshiftError(
    'USAGE',
    `${option} is an address of type "${scheme}", which is not a database. It has the form type://user:password@host:port/db?table=name.`,
  )
}
