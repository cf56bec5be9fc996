/** Who may do what: two tokens, cookies made of them, and what keeps other sites from using those. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { RowshiftError } from '../contract/errors.js'

export type Role = 'operator' | 'reader'

/** What a browser without scripts of ours cannot send to another site unasked. */
export const ACT_HEADER = 'x-rowshift'
/** A wrong token is answered so late, and one after the other, so that trying them out takes for ever. */
const WRONG_MS = 500
/** Whoever tries many out keeps nobody else waiting for long. */
const MOST_WRONG = 20

/** The parts of a request that count. */
export interface Credentials {
  readonly authorization: string | undefined
  readonly cookie: string | undefined
  /** Ours. */
  readonly port: number | undefined
}

export class Access {
  readonly #tokens: readonly (readonly [role: Role, token: string])[]
  /** Sessions end with the process. */
  readonly #key = randomBytes(32)
  #last: Promise<unknown> = Promise.resolve()
  #wrong = 0

  constructor(tokens: Readonly<Partial<Record<Role, string | undefined>>>) {
    this.#tokens = (['operator', 'reader'] as const).flatMap((role) => {
      const token = tokens[role]
      return token === undefined ? [] : [[role, token] as const]
    })
  }

  /** null: nobody that we know. */
  roleOf({ authorization, cookie, port }: Credentials): Role | null {
    const bearer = bearerOf(authorization)
    if (bearer !== undefined) return this.roleOfToken(bearer)
    const session = cookieOf(cookie, cookieName(port))
    if (session === undefined) return null
    return this.#tokens.find(([role, token]) => isSame(this.#session(role, token), session))?.[0] ?? null
  }

  roleOfToken(given: string): Role | null {
    return this.#tokens.find(([, token]) => isSame(token, given))?.[0] ?? null
  }

  /** The cookie of somebody who has given the token of that role. */
  sessionOf(role: Role): string {
    return this.#session(role, this.#tokens.find(([known]) => known === role)![1])
  }

  /** So many wait for the answer to a wrong token that no other is looked at. */
  get isBusy(): boolean {
    return this.#wrong >= MOST_WRONG
  }

  /** Resolves when the next one that was wrong may be answered. */
  async slowDown(): Promise<void> {
    this.#wrong++
    this.#last = this.#last.then(() => new Promise((resolve) => setTimeout(resolve, WRONG_MS)))
    await this.#last
    this.#wrong--
  }

  #session(role: Role, token: string): string {
    return createHmac('sha256', this.#key).update(`${role} ${token}`).digest('base64url')
  }
}

/** The token that a header names. Other schemes are for a proxy in front, and say nothing of who may do what here. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** In a time that says nothing of where they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** Browsers do not tell the consoles of one host apart by their ports. */
export function cookieName(port: number | undefined): string {
  return `rowshift_session_${port}`
}

export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}

export function newToken(): string {
  return randomBytes(24).toString('base64url')
}

/** Whether a request that changes something comes from one of our pages. */
export function isOwnOrigin(
  origin: string | undefined,
  site: string | undefined,
  host: string | undefined,
): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address)
}

/** Whoever listens to others must have chosen a token that only some know. Throws USAGE. */
export function checkListening(address: string, token: string | undefined): void {
  if (isLoopback(address) || token !== undefined) return
  throw new RowshiftError(
    'USAGE',
    `--listen ${address} lets other machines in: set the environment variable ROWSHIFT_SERVE_TOKEN, or "serve": {"token": …} in the configuration. Put a proxy with TLS in front, as docs/console.md says.`,
  )
}

/** A short token can be tried out. Throws CONFIG_INVALID. */
export function checkToken(token: string | undefined, where: string): void {
  if (token === undefined || /^[\x21-\x7e]{16,}$/.test(token)) return
  throw new RowshiftError(
    'CONFIG_INVALID',
    `${where} is too short or has characters that cannot be sent: 16 or more letters, digits and signs are needed.`,
  )
}

export function urlHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address
}
