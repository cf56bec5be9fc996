// The console without a browser: who is let in, the API and its description, hostile input, metrics.
import { readFileSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { Children } from '../../src/console/children.js'
import { LiveRuns } from '../../src/console/live-runs.js'
import type { RunDetail, RunSummary, Verification } from '../../src/console/run-records.js'
import type { Task } from '../../src/contract/plugin.js'
import { ConsoleServer, OPERATOR, READER } from '../support/console.js'
import { oneServer, runCli } from '../support/context.js'
import { expectRefusal, scratchFile } from '../support/copying.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const XSS = '<img src=x onerror="document.title=1"><script>alert(1)</script>'

describe('the console', () => {
  let fixture: TaskFixture
  let console: ConsoleServer

  before(async () => {
    fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst')
    await fixture.addTask(6, 'dst2')
    console = await ConsoleServer.start(fixture.folder)
  })
  after(() => console.stop())

  it('lets in whoever has a token, and lets readers do nothing', async () => {
    for (const token of [null, 'wrong-token-0123456789', '']) {
      expect((await console.ask('GET', '/api/v1/tasks', { token })).status).to.equal(401)
      expect((await console.ask('GET', '/metrics', { token })).status).to.equal(401)
      const page = await console.ask('GET', '/tasks', { token })
      expect([page.status, page.text.includes('dst2')]).to.deep.equal([401, false])
    }
    expect((await console.ask('GET', '/healthz', { token: null })).json()).to.deep.equal({ status: 'ok' })
    expect((await console.ask('GET', '/api/v1/tasks', { token: READER })).status).to.equal(200)
    for (const [method, path] of [
      ['POST', '/api/v1/tasks/5/run'],
      ['POST', '/api/v1/tasks/5/verify'],
      ['DELETE', '/api/v1/tasks/5'],
      ['PATCH', '/api/v1/tasks/5'],
    ] as const)
      expect((await console.ask(method, path, { token: READER, body: {} })).status, path).to.equal(403)
    expect((await console.ask('GET', '/tasks', { token: READER })).text).not.to.include('data-method')
  })

  it('takes a cookie from its own pages only', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const login = (headers: object, token = OPERATOR) =>
      console.ask('POST', '/login', { token: null, body: `token=${token}`, headers: { ...form, ...headers } })
    expect((await login({}, 'wrong')).status).to.equal(401)
    expect((await login({ origin: 'https://evil.example' })).status).to.equal(401)
    const signedIn = await login({ origin: console.url.replace(/\/$/, '') })
    expect([signedIn.status, signedIn.headers.get('location')]).to.deep.equal([303, '/'])
    const set = signedIn.headers.get('set-cookie')!
    expect(set).to.include('HttpOnly').and.include('SameSite=Strict').and.not.include(OPERATOR)
    const cookie = set.split(';')[0]!
    expect((await console.ask('GET', '/', { token: null, headers: { cookie } })).status).to.equal(200)
    const act = (headers: Record<string, string>) =>
      console.ask('POST', '/api/v1/tasks/77/run', { token: null, body: {}, headers: { cookie, ...headers } })
    expect((await act({})).status).to.equal(403)
    // A proxy in front that asks for a password passes it on.
    expect((await act({ authorization: 'Basic eDp5' })).status).to.equal(403)
    expect((await act({ 'x-rowshift': '1', origin: 'https://evil.example' })).status).to.equal(403)
    expect((await act({ 'x-rowshift': '1', 'sec-fetch-site': 'cross-site' })).status).to.equal(403)
    expect((await act({ 'x-rowshift': '1' })).status).to.equal(404)
  })

  it('is refused to other machines without a token of its own', async () => {
    const env = { ROWSHIFT_SERVE_TOKEN: '', ROWSHIFT_SERVE_READ_TOKEN: '' }
    const args = ['serve', '-c', fixture.folder, '--port', '0']
    expectRefusal(await runCli([...args, '--listen', '0.0.0.0'], { env }), 2, 'USAGE', 'ROWSHIFT_SERVE_TOKEN')
    expectRefusal(
      await runCli(args, { env: { ...env, ROWSHIFT_SERVE_TOKEN: 'short' } }),
      2,
      'CONFIG_INVALID',
      '16',
    )
  })

  it('describes its API in OpenAPI 3.1', async () => {
    const document = (await console.ask('GET', '/api/v1/openapi.json')).json<{ paths: object }>()
    const { valid, errors } = await new Validator().validate(document)
    expect(valid, JSON.stringify(errors)).to.equal(true)
    expect(Object.keys(document.paths)).to.include('/api/v1/runs/{runId}/throttle')
  })

  it('answers what makes no sense with an error, and never with a fault of its own', async () => {
    const paths = [
      '/tasks/x',
      '/tasks/99999999999999',
      '/tasks/-1/run',
      '/runs/..%2f..%2fetc',
      '/runs/%00',
      "/runs/'",
      '/nope',
    ]
    const bodies = [
      '{',
      '[]',
      'null',
      '"x"',
      '{"mode":5}',
      '{"nope":1}',
      '{"__proto__":{}}',
      `{"where":"${'x'.repeat(400_000)}"}`,
    ]
    const asked = [
      ...paths.flatMap((path) =>
        (['GET', 'POST', 'PATCH', 'DELETE'] as const).map((method) => [method, path, undefined] as const),
      ),
      ...bodies.flatMap((body) => [
        ['POST', '/tasks/77/run', body] as const,
        ['PATCH', '/tasks/5', body] as const,
        ['POST', '/tasks', body] as const,
        ['POST', '/runs/none/throttle', body] as const,
      ]),
      ['GET', '/runs?limit=1e9', undefined] as const,
      ['GET', '/runs?task=1%20OR%201=1', undefined] as const,
    ]
    for (const [method, path, body] of asked) {
      const { status, text } = await console.ask(method, `/api/v1${path}`, { body })
      const fine = method === 'PATCH' && path === '/tasks/5' && (body === 'null' || body === '[]')
      if (!fine) expect(status, `${method} ${path} ${body?.slice(0, 40)}: ${text}`).to.be.within(400, 499)
    }
    for (const body of ['{"token":5}', '{"token":null}', '{"token":["x"]}', '5', 'null'])
      expect((await console.ask('POST', '/login', { token: null, body })).status, body).to.be.within(400, 499)
    for (const path of ['/?lang=en&lang=zh', '/nope?lang=en&lang=zh', '/?task=1&task=2'])
      expect((await console.ask('GET', path)).status, path).to.be.below(500)
    for (const path of [
      '/assets/../package.json',
      '/assets/%2e%2e%2fpackage.json',
      '/assets/console.js%00',
      '/..%2f..%2fetc/passwd',
    ])
      expect((await console.ask('GET', path)).status, path).to.be.within(400, 499)
  })

  it('shows names, texts and errors as text, under a strict policy', async () => {
    const { id } = await console.api<Task>('POST', '/tasks', {
      from_app: 'app',
      from_db: 'db',
      from_db_type: fixture.data.type,
      from_table: XSS,
      to_app: 'app',
      to_db: 'db',
      to_db_type: fixture.data.type,
      to_table: XSS,
      task_desc: XSS,
      online_status: 1,
      params: { pre_sql: `-- ${XSS}` },
    })
    await console.api('POST', `/tasks/${id}/run`, {})
    await until(
      'the run',
      async () => (await console.api<RunSummary[]>('GET', `/runs?task=${id}`))[0]?.status === 'failed',
    )
    const [run] = await console.api<RunSummary[]>('GET', `/runs?task=${id}`)
    expect(run!.error?.message).to.include('<img')
    for (const path of [
      '/',
      '/tasks',
      `/tasks/${id}`,
      `/runs/${run!.runId}`,
      '/verify',
      `/tasks/${encodeURIComponent(XSS)}`,
    ]) {
      const { text, headers } = await console.ask('GET', path)
      expect(text, path).not.to.include('<img').and.not.include('<script>alert')
      const policy = headers.get('content-security-policy')!
      expect(policy)
        .to.include("default-src 'none'")
        .and.include("script-src 'self'")
        .and.not.include('unsafe')
    }
    await console.api('DELETE', `/tasks/${id}`)
  })

  it('shows no password, and does not save one that it hides', async () => {
    const params = JSON.stringify({ speed: { max_lag: 5, replicas: 'mysql://u:geheim@host/db' } })
    await console.api('PATCH', '/tasks/6', { params })
    for (const path of ['/api/v1/tasks', '/api/v1/tasks/6', '/tasks/6', '/tasks'])
      expect((await console.ask('GET', path)).text, path).not.to.include('geheim')
    const shown = (await console.api<Task>('GET', '/tasks/6')).params!
    expect(shown).to.include('u:***@host')
    const again = await console.ask('PATCH', '/api/v1/tasks/6', { body: { params: shown } })
    expect([again.status, again.json<{ error: { code: string } }>().error.code]).to.deep.equal([
      400,
      'PARAMS_INVALID',
    ])
    await console.api('PATCH', '/tasks/6', { params: '{}' })
    // Of each text by itself: what only looks like a password hides nothing of the others.
    const body = { where: 'x://a:', param: ['transform=/tmp/e.mjs', 'pk=@', 'a=mysql://u:geheim@host/db'] }
    await console.ask('POST', '/api/v1/tasks/78/run', { body })
    const audited = () => console.errors.split('\n').find((line) => line.includes('"78"'))
    await until('the audit', () => audited() !== undefined)
    expect((JSON.parse(audited()!) as { asked: object }).asked).to.deep.equal({
      where: 'x://a:',
      param: ['transform=/tmp/e.mjs', 'pk=@', 'a=mysql://u:***@host/db'],
    })
    expect(console.errors).not.to.include('geheim').and.not.include(OPERATOR)
  })

  it('runs, compares and repairs, sees runs of others, and audits what is done', async () => {
    const { runId } = await console.api<{ runId: string }>('POST', '/tasks/5/run', {
      param: ['worker_num=1'],
    })
    const detail = () => console.api<RunDetail>('GET', `/runs/${runId}`)
    await until('the run', async () => (await detail()).status !== 'running')
    expect(await detail()).to.deep.include({ status: 'success', rowsWritten: 3, overrides: ['worker_num=1'] })
    const { from, to } = await detail()
    expect([from, to].join(' '))
      .to.match(/^\S+ src \S+ dst$/)
      .and.not.match(/:[^/@]+@/)
    expect(console.errors).to.match(new RegExp(`"action":"runTask","by":"operator".*"run":"${runId}"`))
    await fixture.data.value('UPDATE dst SET v = 7 WHERE id = 2')
    const verify = async (body: object) => {
      await console.api('POST', '/tasks/5/verify', body)
      const latest = async () => (await console.api<Verification[]>('GET', '/verifications'))[0]!
      await until('the comparison', async () => (await latest()).status !== 'running')
      return latest()
    }
    const found = await verify({})
    expect(found).to.include({ status: 'different', taskId: 5 })
    expect(found.found?.differentRows).to.deep.equal([{ key: { id: '2' }, columns: ['v'] }])
    expect(await verify({ repair: true })).to.include({ status: 'equal', kind: 'repair' })
    expect((await fixture.cli('run', '6')).code).to.equal(0)
    expect((await console.api<RunSummary[]>('GET', '/runs?task=6&limit=1'))[0]).to.include({
      status: 'success',
    })
    const plan = await console.api<{ reasons: string[] }>('POST', '/tasks/6/plan', {})
    expect(plan.reasons.length).to.be.above(0)
  })

  it('keeps what comparisons have found, those of the command line too, and shows it after a restart', async () => {
    await fixture.data.value('DELETE FROM dst2 WHERE id = 3')
    expect((await fixture.cli('verify', '6')).code).to.equal(4)
    const before = await console.api<Verification[]>('GET', '/verifications')
    expect(before.map(({ taskId, kind, status }) => [taskId, kind, status])).to.deep.equal([
      [6, 'verify', 'different'],
      [5, 'repair', 'equal'],
      [5, 'verify', 'different'],
    ])
    const another = await ConsoleServer.start(fixture.folder)
    try {
      expect(await another.api('GET', '/verifications')).to.deep.equal(before)
      const found = await another.api<Verification[]>('GET', '/verifications?task=6')
      expect(found.map((each) => each.found?.missingRows)).to.deep.equal([[{ id: '3' }]])
      expect((await another.ask('GET', '/verify')).text).to.include('id = 3')
      const page = await another.ask('GET', `/runs/${found[0]!.runId}`)
      expect(page.text).to.include('<code>rowshift verify 6').and.not.include('/tasks/6/run')
    } finally {
      await another.stop()
    }
    // It writes nothing: for whoever asks when a task has run, it is no run.
    const [newest] = await console.api<RunSummary[]>('GET', '/runs?task=6')
    expect(newest).to.include({ status: 'success', mode: 'init' })
    // One that came to nothing is no run that could be looked at.
    const file = join(fixture.folder, 'local.json')
    const config = readFileSync(file)
    writeFileSync(file, '{')
    try {
      const run = await console.ask('POST', '/api/v1/tasks/5/run', { body: {} })
      expect([run.status, run.text]).to.satisfy(
        ([status, text]: [number, string]) => status === 400 && text.includes('CONFIG_'),
      )
      await console.api('POST', '/tasks/5/verify', {})
      const page = async () => (await console.ask('GET', '/verify?task=5')).text
      await until('its end', async () => (await page()).includes('CONFIG_'))
      expect(await page())
        .to.match(/verify-\d+/)
        .and.not.include('/runs/verify-')
    } finally {
      writeFileSync(file, config)
    }
  })

  it('does not let two who change a task overwrite each other', async () => {
    const path = '/api/v1/tasks/6'
    const etag = (await console.ask('GET', path)).headers.get('etag')!
    const change = (body: object, version: string) =>
      console.ask('PATCH', path, { body, headers: { 'if-match': version } })
    const first = await change({ owner: 'one', task_desc: 'first' }, etag)
    expect([first.status, first.headers.get('etag')]).to.satisfy(
      ([status, next]: [number, string]) => status === 200 && next !== etag,
    )
    const second = await change({ owner: 'two', online_status: 0 }, etag)
    expect([second.status, second.json<{ error: object }>().error]).to.deep.equal([
      412,
      {
        code: 'TASK_CHANGED',
        message:
          'Somebody has changed owner of task 6 since you read it, so nothing was saved. Look at the task again, then change it.',
      },
    ])
    expect((await change({ owner: 'two' }, '"of-another-time"')).status).to.equal(412)
    // What somebody else has changed beside that stays, and the same twice is no conflict.
    expect((await change({ online_status: 1, owner: 'one' }, `W/${etag}`)).status).to.equal(200)
    expect(await console.api<Task>('GET', '/tasks/6')).to.include({ owner: 'one', task_desc: 'first' })
    expect((await change({ owner: null, task_desc: null }, '*')).status).to.equal(200)
  })

  it('gives its runs what they need without showing it to others on the machine', async () => {
    const program = scratchFile('mjs')
    writeFileSync(
      program,
      `import { text } from 'node:stream/consumers'
       console.log(JSON.stringify([process.argv.slice(2), JSON.parse(await text(process.stdin))]))`,
    )
    const live = new LiveRuns()
    const children = new Children([process.execPath, program], live, () => {})
    const { result } = await children.start(['run', '5'], ["--where=a <> 'geheim'"]).ended
    expect(result).to.deep.equal([['run', '5', '@-', '--json', '--quiet'], ["--where=a <> 'geheim'"]])
    const gone = new Children([`${program}.gone`], live, () => {})
    expect(() => gone.start(['run', '5'])).to.throw('could not be started')
    live.close()
    const body = { where: "'a\nb' <> 'x'", param: ['write_mode=upsert'] }
    const { runId } = await console.api<{ runId: string }>('POST', '/tasks/5/run', body)
    const detail = () => console.api<RunDetail>('GET', `/runs/${runId}`)
    await until('its end', async () => (await detail()).status !== 'running')
    expect((await detail()).overrides).to.have.length(2)
    expect((await detail()).status, JSON.stringify((await detail()).error)).to.equal('success')
    expectRefusal(await runCli(['list', '@-'], { input: '{"a":1}' }), 2, 'USAGE', '@-')
    // On workers, where nobody has named any.
    const answer = await console.ask('POST', '/api/v1/tasks/5/run', { body: { workers: true } })
    expect([answer.status, answer.text]).to.satisfy(
      ([status, text]: [number, string]) => status === 400 && text.includes('--workers'),
    )
  })

  it('tells Prometheus what has ended since it began', async () => {
    await fixture.addTask(9, 'dst3', { online: 0 })
    const { text } = await console.ask('GET', '/metrics', { token: READER })
    expect(text).to.match(/^rowshift_runs_total\{task="5",status="success"\} \d/m)
    expect(text).to.match(/^rowshift_rows_total\{task="5",what="written"\} \d/m)
    expect(text).to.match(/^rowshift_last_success_timestamp_seconds\{task="6"\} \d{10}/m)
    // Of a counter that begins with its first run, Prometheus would see no increase.
    for (const name of [
      'rows_total{task="9",what="written"}',
      'bytes_total{task="9"}',
      'run_seconds_total{task="9"}',
    ])
      expect(text).to.include(`rowshift_${name} 0\n`)
    for (const name of ['grafana-dashboard.json', 'alert-rules.yml']) {
      const shown = readFileSync(new URL(`../../../etc/monitoring/${name}`, import.meta.url), 'utf8')
      const metrics = new Set(shown.match(/\browshift_\w+/g))
      expect(metrics.size, name).to.be.above(3)
      for (const metric of metrics)
        expect(text, `${metric} of ${name}`).to.match(new RegExp(`^# TYPE ${metric} `, 'm'))
    }
  })

  it('answers while a thousand connections say nothing', async () => {
    const { port } = new URL(console.url)
    const sockets: Socket[] = []
    try {
      for (let i = 0; i < 1_000; i++)
        sockets.push(createConnection(Number(port), '127.0.0.1').on('error', () => {}))
      await until('the connections', () => sockets.filter(({ connecting }) => !connecting).length === 1_000)
      expect((await console.ask('GET', '/tasks')).status).to.equal(200)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})

describe('a history of 200 runs with 50,000 splits', () => {
  it('is shown in little time and memory', async () => {
    const fixture = await TaskFixture.create(oneServer()[0]!)
    await fixture.addTask(5, 'dst')
    expect((await fixture.cli('run', '5')).code).to.equal(0)
    const text = await fixture.store.value('SELECT report FROM rowshift_run')
    const warnings = Array.from({ length: 20 }, (_, i) => `warning ${i} ${'x'.repeat(100)}`)
    const samples = Array.from({ length: 120 }, (_, i) => [i * 10, i * 100_000, i * 10_000_000])
    const large = {
      ...(JSON.parse(String(text)) as object),
      splits: 50_000,
      splitsDone: 50_000,
      warnings,
      samples,
    }
    const literal = JSON.stringify(large).replaceAll('\\', '\\\\').replaceAll("'", "''")
    await fixture.store.value(
      `INSERT INTO rowshift_run (run_id, task_id, mode, status, start_time, end_time, rows_read, rows_written, report)
       SELECT CONCAT('run-', n), 5, 'init', 'success', NOW() - INTERVAL n MINUTE, NOW(), 1, 1, '${literal}' FROM (
         SELECT a.d * 10 + b.d AS n FROM
          (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9
           UNION SELECT 10 UNION SELECT 11 UNION SELECT 12 UNION SELECT 13 UNION SELECT 14 UNION SELECT 15 UNION SELECT 16 UNION SELECT 17 UNION SELECT 18 UNION SELECT 19) a,
          (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) b) numbers`,
    )
    const console = await ConsoleServer.start(fixture.folder)
    try {
      await console.ask('GET', '/')
      const times: number[] = []
      for (let i = 0; i < 9; i++) {
        const began = performance.now()
        const page = await console.ask('GET', '/')
        times.push(performance.now() - began)
        expect(page.text).to.include('run-0')
      }
      // The best of them: others work on this machine too.
      expect(Math.min(...times)).to.be.below(300)
      const { text: metrics } = await console.ask('GET', '/metrics')
      const memory = Number(/^rowshift_console_process_resident_memory_bytes (\d+)/m.exec(metrics)?.[1])
      expect(memory).to.be.within(1, 150 * 1024 * 1024)
    } finally {
      await console.stop()
    }
  })
})
