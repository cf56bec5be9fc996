// `rowshift serve` as tests start it, and requests to it.
import { once } from 'node:events'
import { startCli, type CliOptions } from './context.js'

export const OPERATOR = 'operator-token-0123456789'
export const READER = 'reader-token-0123456789'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  json<T>(): T
}

export class ConsoleServer {
  readonly url: string
  readonly #child: ReturnType<typeof startCli>
  errors: string

  private constructor(child: ReturnType<typeof startCli>, url: string, errors: string) {
    this.#child = child
    this.url = url
    this.errors = errors
    child.stderr.on('data', (text: Buffer) => (this.errors += text.toString()))
  }

  static async start(folder: string, options: CliOptions = {}, ...args: string[]): Promise<ConsoleServer> {
    const env = { ROWSHIFT_SERVE_TOKEN: OPERATOR, ROWSHIFT_SERVE_READ_TOKEN: READER, ...options.env }
    const child = startCli(['serve', '-c', folder, '--port', '0', '--json', ...args], { ...options, env })
    let [output, errors] = ['', '']
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    const exit = once(child, 'exit').then(() => {
      throw new Error(`serve has ended: ${errors}`)
    })
    exit.catch(() => {})
    while (!output.includes('}')) {
      const [text] = (await Promise.race([once(child.stdout, 'data'), exit])) as [Buffer]
      output += text.toString()
    }
    return new ConsoleServer(child, (JSON.parse(output) as { url: string }).url, errors)
  }

  get pid(): number {
    return this.#child.pid!
  }

  async ask(
    method: string,
    path: string,
    {
      token = OPERATOR,
      body,
      headers = {},
    }: { token?: string | null; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const response = await fetch(new URL(path, this.url), {
      method,
      redirect: 'manual',
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T }
  }

  /** Throws unless it is answered well. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.ask(method, `/api/v1${path}`, { body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return (answer.text === '' ? undefined : answer.json()) as T
  }

  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
    return this.exit()
  }

  async exit(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    const [code] = (await once(this.#child, 'exit')) as [number | null]
    return code
  }
}
