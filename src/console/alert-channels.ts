/** How each kind of receiver is spoken to. Every wait has a bound, and no error shows an address whole. */
import { createHmac } from 'node:crypto'
import type { Channel } from './alert-config.js'
import type { Alert } from './alert-text.js'

const ANSWER_MS = 5_000
const MOST_ANSWER = 2_000

/** Throws an Error that names the channel, without secrets. */
export async function deliverAlert(
  channel: Channel,
  text: string,
  alerts: readonly Alert[],
  now = Date.now(),
): Promise<void> {
  try {
    if (channel.type === 'email') await mail(channel, text)
    else await post(channel, requestOf(channel, text, alerts, now))
  } catch (thrown) {
    throw new Error(`${channel.type} ${hostOf(channel.url)}: ${reasonOf(thrown)}`, { cause: thrown })
  }
}

interface Post {
  readonly url: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Exported for tests of the signatures. */
export function requestOf(
  channel: Exclude<Channel, { type: 'email' }>,
  text: string,
  alerts: readonly Alert[],
  now: number,
): Post {
  switch (channel.type) {
    case 'dingtalk': {
      const { at_mobiles: atMobiles = [], at_all: isAtAll = false } = channel
      const content = withKeyword(text, channel.keyword)
      const mentions = atMobiles.map((mobile) => ` @${mobile}`).join('')
      const body = { msgtype: 'text', text: { content: content + mentions }, at: { atMobiles, isAtAll } }
      return { url: signed(channel.url, channel.secret, now), body: JSON.stringify(body) }
    }
    case 'feishu': {
      const content =
        withKeyword(withoutMentions(text), channel.keyword) +
        (channel.at_all === true ? ' <at user_id="all"></at>' : '')
      const timestamp = String(Math.floor(now / 1000))
      const signature =
        channel.secret === undefined
          ? {}
          : { timestamp, sign: createHmac('sha256', `${timestamp}\n${channel.secret}`).digest('base64') }
      return {
        url: channel.url,
        body: JSON.stringify({ ...signature, msg_type: 'text', content: { text: content } }),
      }
    }
    case 'wecom': {
      const mentioned = [...(channel.at_mobiles ?? []), ...(channel.at_all === true ? ['@all'] : [])]
      return {
        url: channel.url,
        body: JSON.stringify({ msgtype: 'text', text: { content: text, mentioned_mobile_list: mentioned } }),
      }
    }
    case 'slack':
      return { url: channel.url, body: JSON.stringify({ text: escapedForSlack(text) }) }
    case 'webhook': {
      const body = JSON.stringify({ text, alert: alerts.at(-1), held: alerts.slice(0, -1) })
      if (channel.secret === undefined) return { url: channel.url, body }
      const timestamp = String(Math.floor(now / 1000))
      const signature = createHmac('sha256', channel.secret).update(`${timestamp}.${body}`).digest('hex')
      const headers = { 'x-rowshift-timestamp': timestamp, 'x-rowshift-signature': `sha256=${signature}` }
      return { url: channel.url, body, headers }
    }
    default:
      return channel satisfies never
  }
}

function signed(url: string, secret: string | undefined, now: number): string {
  if (secret === undefined) return url
  const sign = createHmac('sha256', secret).update(`${now}\n${secret}`).digest('base64')
  return `${url}${url.includes('?') ? '&' : '?'}timestamp=${now}&sign=${encodeURIComponent(sign)}`
}

/** A robot may take only texts with a word that was agreed on. */
function withKeyword(text: string, keyword = ''): string {
  return keyword === '' || text.includes(keyword) ? text : `${text}\n${keyword}`
}

/** Feishu reads `<at …>` in a text as a mention, and what a server says is nobody's to be called by. */
function withoutMentions(text: string): string {
  return text.replaceAll(/<(?=\/?at\b)/gi, '< ')
}

function escapedForSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Most of them answer 200 also when they refuse, with a number in the body. */
async function post({ type }: Channel, { url, body, headers }: Post): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  const text = await beginningOf(response)
  if (!response.ok) throw new Error(`answered ${response.status}`)
  if (type === 'slack' || type === 'webhook') return
  const { errcode, code, StatusCode } = JSON.parse(text) as Readonly<
    Record<string, number | string | undefined>
  >
  const refused = [errcode, code, StatusCode].find((value) => value !== undefined && value !== 0)
  if (refused !== undefined) throw new Error(`refused it with ${String(refused)}`)
}

/** A receiver that answers without an end is not listened to for ever. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true })
    if (text.length > MOST_ANSWER) break
  }
  return text
}

type Email = Extract<Channel, { type: 'email' }>

async function mail({ url, from, to, require_tls }: Email, text: string): Promise<void> {
  const {
    default: { createTransport },
  } = await import('nodemailer')
  const times = { connectionTimeout: ANSWER_MS, greetingTimeout: ANSWER_MS, socketTimeout: ANSWER_MS }
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  const hasUser = username !== ''
  const transport = createTransport({
    host: hostname,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    // Somebody on the way could take the server's offer of TLS out, and read the password.
    requireTLS: require_tls ?? (hasUser || port === '' || port === '587'),
    ...(hasUser && { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    ...times,
    dnsTimeout: ANSWER_MS,
  })
  try {
    await transport.sendMail({ from, to: [...to], subject: text.split('\n')[0]!, text })
  } finally {
    transport.close()
  }
}

/** The rest of an address may be a secret. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'of an address that is not a URL'
}

function reasonOf(thrown: unknown): string {
  const { name, cause, message } = thrown as Error
  if (name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} s`
  const { code: mailing } = thrown as NodeJS.ErrnoException
  if (mailing === 'ETLS') return 'it takes no TLS (STARTTLS)'
  // Of a mail server whose certificate is not trusted, that is all that says so.
  if (mailing === 'ESOCKET') return message
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? (thrown as NodeJS.ErrnoException).code
  return code ?? (/^(answered|refused) /.test(message) ? message : name)
}
