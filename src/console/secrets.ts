/** Passwords of URLs are taken out of each text by itself: in a whole of JSON, one would hide all from there to the last `@`. */
import { isJson } from '../config/json.js'
import { redact } from '../contract/errors.js'

/** Any plain value, with the texts in it. */
export function withoutSecrets<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'string' ? shownText(part) : part)),
  ) as T
}

/** JSON, as params are, stays as it was written, but for texts that hold a password. */
export function shownText(text: string): string {
  return isJson(text) ? text.replaceAll(/"(?:[^"\\]|\\.)*"/g, shownLiteral) : redact(text)
}

function shownLiteral(literal: string): string {
  const text = JSON.parse(literal) as string
  const shown = redact(text)
  return shown === text ? literal : JSON.stringify(shown)
}
