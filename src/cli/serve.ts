/** `rowshift serve`: the console in the browser, the HTTP API, metrics, schedules and alerts. */
import { appendFileSync } from 'node:fs'
import { Config } from '../config/config.js'
import { ExitCode, RowshiftError } from '../contract/errors.js'
import { onAbort } from '../contract/waiting.js'
import { openLog } from '../log.js'
import { withoutSecrets } from '../console/secrets.js'
import { configArgs } from './alerting.js'
import { markDeadRuns } from './dead-runs.js'
import { interruptible } from './interruptible.js'
import type { CommonOptions, ConfigOptions } from './options.js'
import { print, printJson, printNotice } from './output.js'
import { openStore } from './stored-tasks.js'

export interface ServeOptions extends CommonOptions, ConfigOptions {
  readonly port: number
  readonly listen: string
  readonly audit: string | undefined
  /** Where workers are heard of; undefined: as the configuration says. */
  readonly workers: string | undefined
}

interface ServeBlock {
  readonly token?: string
  readonly read_only_token?: string
  readonly workers?: string
}

/** Resolves to the exit code when a signal has ended it. */
export async function serveCommand(options: ServeOptions): Promise<number> {
  const parts = await consoleParts()
  openLog()
  const config = Config.load(options.config, options.env)
  const tokens = tokensOf(config)
  for (const [name, token] of Object.entries(tokens)) parts.checkToken(token, `The ${name} token`)
  parts.checkListening(options.listen, tokens.operator)
  const operator = tokens.operator ?? parts.newToken()
  const audit = auditTo(options.audit)
  const address = options.workers ?? blockOf(config).workers
  const queue = address === undefined ? null : new parts.QueueAccess(address)
  await interruptible(async (signal) => {
    const console = new parts.ConsoleService({
      config: () => Config.load(options.config, options.env),
      configArgs: configArgs(options),
      openStore: async () => (await openStore(options, signal)).store,
      markDead: markDeadRuns,
      program: ownProgram(),
      queue,
    })
    // Whatever is opened from here on would keep a process alive that has failed.
    try {
      // What is wrong with the configuration is told now.
      await console.use((store) => store.list())
      await queue?.hosts().catch(tellLater)
      const alerting = parts.alertConfigOf(config)
      const alerts = alerting && new parts.Alerts(alerting, config.identity, printNotice)
      const metrics = await parts.Metrics.create({
        live: console.live,
        ...parts.storeOf((work) => console.use(work)),
      })
      await metrics.look()
      const access = new parts.Access({ operator, reader: tokens.reader })
      const server = await parts.makeServer({ console, access, metrics, audit })
      const schedules = new parts.Schedules(console, alerts, audit)
      try {
        await listen(server, options)
        const { port } = server.server.address() as { readonly port: number }
        const url = `http://${parts.urlHost(options.listen)}:${port}/`
        if (options.json) printJson({ url, ...(tokens.operator === undefined ? { token: operator } : {}) })
        else print(welcome(url, tokens.operator === undefined ? operator : null))
        await new Promise<void>((resolve) => onAbort(signal, resolve))
      } finally {
        schedules.close()
        await server.close()
      }
    } finally {
      await console.close()
    }
  })
  return ExitCode.success
}

/** Loaded by this command only. */
async function consoleParts() {
  const [access, server, service, metrics, schedules, alerts, alertConfig, queue] = await Promise.all([
    import('../console/access.js'),
    import('../console/server.js'),
    import('../console/console-service.js'),
    import('../console/metrics.js'),
    import('../console/schedules.js'),
    import('../console/alerts.js'),
    import('../console/alert-config.js'),
    import('../console/queue-access.js'),
  ])
  return { ...access, ...server, ...service, ...metrics, ...schedules, ...alerts, ...alertConfig, ...queue }
}

/** How another rowshift is started: a single executable is its own Node.js. */
function ownProgram(): [node: string, ...args: string[]] {
  const { isSea } = process.getBuiltinModule('node:sea')
  return isSea() ? [process.execPath] : [process.execPath, ...process.execArgv, process.argv[1]!]
}

function blockOf(config: Config): ServeBlock {
  return (config.block('serve') ?? {}) as ServeBlock
}

/** A queue that is away now may be back when it is needed. */
function tellLater(thrown: unknown): void {
  const error = RowshiftError.from(thrown)
  if (!error.retryable) throw error
  printNotice(error.message)
}

function tokensOf(config: Config): {
  readonly operator: string | undefined
  readonly reader: string | undefined
} {
  const block = blockOf(config)
  const { ROWSHIFT_SERVE_TOKEN, ROWSHIFT_SERVE_READ_TOKEN } = process.env
  return {
    operator: ROWSHIFT_SERVE_TOKEN || block.token,
    reader: ROWSHIFT_SERVE_READ_TOKEN || block.read_only_token,
  }
}

async function listen(
  server: { listen(at: { readonly port: number; readonly host: string }): Promise<unknown> },
  { port, listen: host }: ServeOptions,
): Promise<void> {
  try {
    await server.listen({ port, host })
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    throw new RowshiftError(
      'USAGE',
      `${host}:${port} cannot be listened on (${code}): give another --port or --listen.`,
      {},
      thrown,
    )
  }
}

function welcome(url: string, token: string | null): string {
  if (token === null)
    return `The console is at ${url} (sign in with the token of the configuration). Ctrl-C ends it.`
  return `The console is at ${url}\nToken: ${token}\n(Set ROWSHIFT_SERVE_TOKEN to choose one that stays.) Ctrl-C ends it.`
}

/** A line of JSON for each action, on stderr or at the end of a file. Throws USAGE when that cannot be written. */
function auditTo(file: string | undefined): (entry: Readonly<Record<string, unknown>>) => void {
  const write = (text: string) => {
    if (file === undefined) process.stderr.write(text)
    else appendFileSync(file, text, { mode: 0o600 })
  }
  try {
    write('')
  } catch (thrown) {
    throw new RowshiftError(
      'USAGE',
      `--audit ${file} cannot be written (${(thrown as NodeJS.ErrnoException).code}).`,
    )
  }
  return (entry) => {
    try {
      write(`${JSON.stringify(withoutSecrets({ audit: true, time: new Date().toISOString(), ...entry }))}\n`)
    } catch (thrown) {
      printNotice(`An action could not be audited: ${(thrown as Error).message}`)
    }
  }
}
