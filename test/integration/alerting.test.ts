// Alerts of runs of the plain command line, to receivers that this test plays.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { selfSigned } from '../support/certificates.js'
import { ConsoleServer } from '../support/console.js'
import { runCli } from '../support/context.js'
import { run } from '../support/machine.js'
import { configure, receiver } from '../support/receiver.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

/** Keeps the mails that it is sent, and the commands that came in the clear. With `tls`, it offers STARTTLS. */
async function mailServer(tls: SecureContext | null = null) {
  const mails: string[] = []
  const clear: string[] = []
  const talk = (socket: Socket, isClear: boolean) => {
    let data: string | null = null
    socket.on('error', () => {})
    socket.on('data', (part) => {
      const said = part.toString()
      const is = (command: string) => said.toUpperCase().startsWith(command)
      if (data === null && isClear) clear.push(said.trim())
      if (data !== null) {
        data += said
        if (!data.endsWith('\r\n.\r\n')) return
        mails.push(data)
        data = null
      } else if (is('STARTTLS')) {
        if (tls === null) return void socket.write('502 what is that\r\n')
        socket.removeAllListeners('data').write('220 go ahead\r\n')
        return talk(new TLSSocket(socket, { isServer: true, secureContext: tls }), false)
      } else if (is('DATA')) {
        data = ''
        return void socket.write('354 go on\r\n')
      } else if (is('EHLO') && tls !== null && isClear)
        return void socket.write('250-test\r\n250 STARTTLS\r\n')
      else if (is('AUTH')) return void socket.write('235 welcome\r\n')
      socket.write(is('QUIT') ? '221 bye\r\n' : '250 ok\r\n')
    })
  }
  const server = createServer((socket) => {
    talk(socket, true)
    socket.write('220 test\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    close: () => server.close(),
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    clear,
  }
}

describe('alerts', () => {
  it('reach every kind of receiver, once in a while, and are summed up', async () => {
    const { server, url, received } = await receiver()
    const mail = await mailServer()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst')
    configure(fixture, {
      alerts: {
        interval: 1,
        channels: [
          { type: 'dingtalk', url: `${url}/ding?access_token=geheim`, secret: 'SEC1' },
          { type: 'feishu', url: `${url}/feishu`, secret: 'SEC2' },
          { type: 'wecom', url: `${url}/wecom` },
          { type: 'slack', url: `${url}/slack` },
          { type: 'webhook', url: `${url}/hook`, secret: 'SEC3' },
          { type: 'email', url: `smtp://${mail.at}`, from: 'etl@example.com', to: ['ops@example.com'] },
        ],
      },
      roboter: { token: `${url}/old`, roboter_type: 'dingding', hook_keyword: 'etl' },
    })
    try {
      expect(await fixture.cli('run', '5')).to.include({ code: 0 })
      expect(received, 'a success is nothing to tell').to.deep.equal([])
      const failed = await fixture.cli('run', '5')
      expect(failed.code).to.equal(1)
      expect(received.map(({ path }) => path.split('?')[0])).to.have.members([
        '/ding',
        '/feishu',
        '/hook',
        '/old',
        '/slack',
        '/wecom',
      ])
      const hook = received.find(({ path }) => path === '/hook')!.body as { text: string; alert: object }
      expect(hook.alert).to.include({ event: 'failed', taskId: 5, code: 'DUPLICATE_KEY' })
      expect(hook.text).to.include('Task 5 failed: DUPLICATE_KEY').and.include(`-c ${fixture.folder}`)
      expect(mail.mails.join()).to.include('Task 5 failed')
      expect(JSON.stringify(received.find(({ path }) => path === '/old'))).to.include('etl')
    } finally {
      server.close()
      mail.close()
    }
  })

  it('go to a mail server with their password over TLS only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowshift-'))
    const certificates = selfSigned(folder)
    if (certificates === null) throw new Error('no openssl to make certificates with')
    for (const [program, ...args] of certificates.commands) run(program!, args)
    const [cert, key] = [readFileSync(certificates.cert), readFileSync(certificates.key)]
    const [secure, plain] = [await mailServer(createSecureContext({ cert, key })), await mailServer()]
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst', { from: 'nowhere' })
    const to = { type: 'email', from: 'etl@example.com', to: ['ops@example.com'] }
    const channels = [
      { ...to, url: `smtp://u:geheim@${secure.at}` },
      { ...to, url: `smtp://u:geheim@${plain.at}` },
      { ...to, url: `smtp://${plain.at}`, require_tls: true },
    ]
    configure(fixture, { alerts: { channels } })
    try {
      const env = { NODE_EXTRA_CA_CERTS: certificates.ca }
      const { stderr } = await runCli(['run', '5', '-c', fixture.folder], { env })
      expect(secure.mails.join()).to.include('Task 5 failed')
      expect(secure.clear).to.have.length(2)
      expect(plain.mails).to.deep.equal([])
      expect(plain.clear.filter((line) => /^(AUTH|MAIL)/i.test(line))).to.deep.equal([])
      expect(stderr).to.include(`email ${plain.at}: it takes no TLS (STARTTLS)`).and.not.include('geheim')
    } finally {
      secure.close()
      plain.close()
      rmSync(folder, { recursive: true })
    }
  })

  it('are held back for a while, and told with the next one', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst')
    const alerts = (interval: number) => ({
      alerts: { interval, channels: [{ type: 'webhook', url: `${url}/hook` }] },
    })
    configure(fixture, alerts(600))
    try {
      expect((await fixture.cli('run', '5')).code).to.equal(0)
      for (let i = 0; i < 3; i++) expect((await fixture.cli('run', '5')).code).to.equal(1)
      expect(received).to.have.length(1)
      const told = performance.now()
      configure(fixture, alerts(1))
      await until('the end of the interval', () => performance.now() - told > 1_000)
      await fixture.data.value('DELETE FROM dst')
      expect((await fixture.cli('run', '5', '--restart')).code).to.equal(0)
      expect(received).to.have.length(2)
      expect(received[1]!.body['text']).to.include('is well again').and.include('Not told before: failed × 2')
    } finally {
      server.close()
    }
  })

  it('that nobody takes neither fail a run nor hold it for long, and show no secret', async () => {
    const { server, url } = await receiver()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst', { from: 'nowhere' })
    const channels = [
      { type: 'webhook', url: `${url}/hang` },
      { type: 'slack', url: 'http://127.0.0.1:1/geheim' },
      { type: 'email', url: 'smtp://u:geheim@127.0.0.1:1', from: 'a@b', to: ['c@d'] },
    ]
    configure(fixture, { alerts: { channels } })
    try {
      const { code, stderr } = await fixture.cli('run', '5')
      expect(code, stderr).to.equal(2)
      expect(stderr).to.include('webhook 127.0.0.1').and.include('no answer within 5 s')
      expect(stderr)
        .to.include('slack 127.0.0.1:1')
        .and.include('email 127.0.0.1:1')
        .and.not.include('geheim')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('that nobody takes are told again, and said in spite of --quiet', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst', { from: 'nowhere' })
    const to = (path: string) =>
      configure(fixture, { alerts: { interval: 1, channels: [{ type: 'webhook', url: url + path }] } })
    try {
      to('/broken')
      const { stderr } = await fixture.cli('run', '5', '--quiet')
      expect(stderr).to.include('An alert could not be sent: webhook 127.0.0.1')
      to('/hook')
      const texts = () =>
        received.filter(({ path }) => path === '/hook').map(({ body }) => String(body['text']))
      await until(
        'the next one',
        async () => (await fixture.cli('run', '5')).code === 2 && texts().length > 0,
      )
      expect(texts()[0]).to.match(/Not told before: failed × [1-9]/)
    } finally {
      server.close()
    }
  })

  it('that were held back are told by a console, also of a task that it does not run', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst', { from: 'nowhere', online: 1 })
    configure(fixture, { alerts: { interval: 600, channels: [{ type: 'webhook', url: `${url}/hook` }] } })
    for (let i = 0; i < 2; i++) await fixture.cli('run', '5')
    expect(received).to.have.length(1)
    configure(fixture, { alerts: { interval: 1, channels: [{ type: 'webhook', url: `${url}/hook` }] } })
    const console = await ConsoleServer.start(fixture.folder)
    try {
      await until('the other one', () => received.length === 2)
      expect(received[1]!.body['alert']).to.include({ event: 'failed', taskId: 5 })
    } finally {
      await console.stop()
      server.close()
    }
  })

  it('tell that the task store cannot be reached, and that a repair has failed', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst', { from: 'nowhere' })
    configure(fixture, { alerts: { interval: 1, channels: [{ type: 'webhook', url: `${url}/hook` }] } })
    const codes = () => received.map(({ body }) => (body as { alert?: { code?: string } }).alert?.code)
    try {
      await fixture.cli('verify', '5', '--repair')
      expect(codes()).to.deep.equal(['TABLE_NOT_FOUND'])
      expect((received[0]!.body['alert'] as { command: string }).command).to.match(
        /^rowshift verify 5 .*--repair$/,
      )
      configure(fixture, { task_meta: { db_type: 'sqlite', path: join(fixture.folder, 'no', 'such.db') } })
      await until('the alert', async () => (await fixture.cli('run', '5')).code !== 0 && codes().length > 1)
      expect(codes()[1]).not.to.equal('TABLE_NOT_FOUND')
    } finally {
      server.close()
    }
  })

  it('of a console tell that a task is late', async () => {
    const { server, url, received } = await receiver()
    const fixture = await TaskFixture.create(null)
    const params = '{"cron": {"at": "* * * * * *", "late": 1}}'
    await fixture.addTask(5, 'dst', { from: 'nowhere', params })
    configure(fixture, { alerts: { events: ['late'], channels: [{ type: 'webhook', url: `${url}/hook` }] } })
    const console = await ConsoleServer.start(fixture.folder)
    try {
      await until('the alert', () => received.length > 0)
      expect(received[0]!.body['alert']).to.include({ event: 'late', taskId: 5 })
      const { text: metrics } = await console.ask('GET', '/metrics')
      // What has not happened yet is 0, or its first time would be no increase.
      expect(metrics).to.include('rowshift_runs_total{task="5",status="success"} 0\n')
    } finally {
      await console.stop()
      server.close()
    }
  })

  it('of a configuration that lacks a variable are said, and no more', async () => {
    const fixture = await TaskFixture.create(null)
    await fixture.addTask(5, 'dst')
    configure(fixture, { alerts: { channels: [{ type: 'slack', url: '${NO_SUCH_HOOK}' }] } })
    const { code, stderr } = await fixture.cli('run', '5')
    expect(code).to.equal(0)
    expect(stderr).to.include('NO_SUCH_HOOK')
  })
})
