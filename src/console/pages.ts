/** The pages: which there are, and how one signs in. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RowshiftError, redact } from '../contract/errors.js'
import { cookieName, cookieOf, isOwnOrigin } from './access.js'
import { statusOf, type ServerSetup } from './answers.js'
import { wholeNumber } from './api.js'
import type { ConsoleService } from './console-service.js'
import { hostsPage, type HostsState } from './hosts-page.js'
import { html } from './html.js'
import type { Page, Viewer } from './layout.js'
import { document, layout, loginPage, viewer } from './layout.js'
import { runPage, runsPage } from './run-pages.js'
import { taskPage, tasksPage } from './task-pages.js'
import { verifyPage } from './verify-page.js'
import { languageOf, sayIn } from './words.js'

const LANGUAGE_COOKIE = 'rowshift_language'
const RUNS = 50
const RUNS_OF_TASK = 10

type Query = Readonly<Record<string, string | undefined>>

export function servePages(app: FastifyInstance, setup: ServerSetup): void {
  const { console } = setup
  const args = console.configArgs.length === 0 ? '' : ` ${console.configArgs.join(' ')}`
  const page = (path: string, make: (request: FastifyRequest, to: Viewer) => Promise<Page>) =>
    app.get(path, (request, reply) => answer(request, reply, console.queue !== null, make))

  page('/', async ({ query }, to) => {
    const { task } = query as Query
    const chosen = task === undefined ? null : wholeNumber('task', task, 2 ** 31)
    return runsPage(await console.runs(chosen, RUNS), chosen, args, to)
  })
  page('/runs/:runId', async ({ params }, to) => {
    const { runId = '' } = params as Query
    if (!/^[\w-]{1,64}$/.test(runId))
      throw new RowshiftError('TASK_NOT_FOUND', 'The history has no run of that name.')
    return runPage(await console.run(runId), args, to)
  })
  page('/tasks', async (_request, to) => tasksPage(await console.tasks.list(), args, to))
  page('/tasks/new', async (_request, to) => taskPage(null, [], null, args, to))
  page('/tasks/:taskId', async ({ params }, to) => {
    const id = wholeNumber('task', (params as Query)['taskId']!, 2 ** 31)
    const [task, runs, all] = [
      await console.tasks.get(id),
      await console.runs(id, RUNS_OF_TASK),
      await console.tasks.list(),
    ]
    return taskPage(task, runs, all.find((each) => each.task.id === id) ?? null, args, to)
  })
  page('/verify', async ({ query }, to) => {
    const { task } = query as Query
    const chosen = task === undefined ? null : wholeNumber('task', task, 2 ** 31)
    return verifyPage(await console.tasks.list(), await console.latestVerifications(chosen), chosen, args, to)
  })
  page('/hosts', async (_request, to) => hostsPage(await hostsState(console), to))
  serveLogin(app, setup)
  app.setNotFoundHandler((request, reply) => {
    if (request.url.startsWith('/api/'))
      return reply.status(404).send({ error: { code: 'USAGE', message: 'There is no such operation.' } })
    const { say, language } = readerOf(request)
    const content = html`<main class="login">
      <h1>404</h1>
      <p>${say('notFound')}</p>
      <p><a href="/">rowshift</a></p>
    </main>`
    return reply
      .status(404)
      .type('text/html; charset=utf-8')
      .send(document('404', language, content))
  })
}

/** A queue that is away is no reason to take the page away, which looks again by itself. */
async function hostsState(console: ConsoleService): Promise<HostsState> {
  const { queue } = console
  const nothing = { queue, hosts: [], known: new Set<string>(), fault: null }
  try {
    const hosts = await console.hosts()
    const ids = new Set(hosts.flatMap(({ runs }) => runs.map(({ runId }) => runId)))
    return { ...nothing, hosts, known: await console.known([...ids]) }
  } catch (thrown) {
    const { code, message } = RowshiftError.from(thrown)
    return { ...nothing, fault: { code, message: redact(message) } }
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  shares: boolean,
  make: (request: FastifyRequest, to: Viewer) => Promise<Page>,
): Promise<FastifyReply> {
  const { language, say } = readerOf(request)
  rememberLanguage(request, reply)
  reply.type('text/html; charset=utf-8')
  if (request.role === null) return reply.status(401).send(loginPage(language, say, false))
  const to = viewer(request.role, language, shares)
  try {
    return reply.send(layout(await make(request, to), to))
  } catch (thrown) {
    const { code, message } = RowshiftError.from(thrown)
    const content = html`<p class="bad" role="alert"><strong>${code}</strong> ${redact(message)}</p>`
    return reply
      .status(statusOf(thrown))
      .send(layout({ title: code, section: null, content, command: null }, to))
  }
}

function readerOf(request: FastifyRequest) {
  const { lang } = request.query as Query
  const remembered = lang ?? cookieOf(request.headers.cookie, LANGUAGE_COOKIE)
  const language = languageOf(remembered, request.headers['accept-language'])
  return { language, say: sayIn(language) }
}

function rememberLanguage(request: FastifyRequest, reply: FastifyReply): void {
  const { lang } = request.query as Query
  if (lang !== 'en' && lang !== 'zh') return
  reply.header('set-cookie', `${LANGUAGE_COOKIE}=${lang}; Path=/; SameSite=Strict; Max-Age=31536000`)
}

function serveLogin(app: FastifyInstance, { access, audit }: ServerSetup): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
  )
  app.post('/login', async (request, reply) => {
    const { token } = (request.body ?? {}) as { readonly token?: unknown }
    const role = typeof token === 'string' && isOurs(request) ? access.roleOfToken(token) : null
    if (role === null && access.isBusy) return reply.status(429).send()
    audit({ action: 'login', by: role, from: request.ip, status: role === null ? 401 : 200 })
    if (role !== null) {
      const cookie = `${cookieName(request.socket.localPort)}=${access.sessionOf(role)}; Path=/; HttpOnly; SameSite=Strict`
      return reply.header('set-cookie', cookie).redirect('/', 303)
    }
    await access.slowDown()
    const { language, say } = readerOf(request)
    return reply
      .status(401)
      .type('text/html; charset=utf-8')
      .send(loginPage(language, say, true))
  })
  app.post('/logout', async (request, reply) => {
    if (isOurs(request))
      reply.header(
        'set-cookie',
        `${cookieName(request.socket.localPort)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`,
      )
    return reply.redirect('/', 303)
  })
}

/** Another site must not sign anybody in or out. */
function isOurs({ headers }: FastifyRequest): boolean {
  return isOwnOrigin(headers.origin, headers['sec-fetch-site'] as string | undefined, headers.host)
}
