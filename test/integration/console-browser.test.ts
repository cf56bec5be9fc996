// The console in a real browser, over real runs between real servers. ROWSHIFT_SCREENSHOTS=1 writes the pictures of docs/console.md.
import { once } from 'node:events'
import { mkdirSync, symlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import type { Browser, Locator, Page } from 'playwright-core'
import type { Task } from '../../src/contract/task-store.js'
import type { RunSummary } from '../../src/console/run-records.js'
import { openBrowser, Visitor } from '../support/browser.js'
import { ConsoleServer, OPERATOR, READER } from '../support/console.js'
import { oneServer, startCli } from '../support/context.js'
import { scratchFile, TestDatabase } from '../support/copying.js'
import { RedisServer } from '../support/redis.js'
import { TaskFixture } from '../support/task-fixture.js'
import { until } from '../support/until.js'

const ROWS = 3 * 2 ** 13
const docs = fileURLToPath(new URL('../../../docs/', import.meta.url))

async function picture(page: Page, name: string): Promise<void> {
  if (process.env['ROWSHIFT_SCREENSHOTS'] === '1')
    await page.screenshot({ path: `${docs}console-${name}.png` })
}

function numberOf(text: string | null): number {
  return Number((text ?? '').replaceAll(',', ''))
}

describe('the console in a browser', function () {
  this.timeout(300_000)
  let fixture: TaskFixture
  let console: ConsoleServer
  let redis: RedisServer
  let browser: Browser
  let visitor: Visitor

  before(async function () {
    this.timeout(600_000)
    const [at] = oneServer()
    fixture = await TaskFixture.create(at!)
    for (let rows = 3; rows < ROWS; rows *= 2)
      await fixture.data.value(`INSERT INTO src SELECT id + ${rows}, v FROM src`)
    await fixture.addTask(5, 'dst', {
      params: '{"worker_num": 2, "read_batch": 100, "speed": {"record": 400}}',
    })
    await fixture.addTask(6, 'dst2')
    await fixture.data.value('CREATE TABLE dst4 LIKE dst')
    await fixture.addTask(8, 'dst4', { params: '{"read_batch": 100, "speed": {"record": 400}}' })
    await fixture.addTask(7, 'dst3', { params: '{"read_batch": 200, "speed": {"record": 300}}' })
    redis = await RedisServer.start()
    // The commands that pages show name no folder of this machine.
    const cwd = scratchFile('cwd')
    mkdirSync(cwd)
    symlinkSync(fixture.folder, join(cwd, 'etc'))
    console = await ConsoleServer.start('etc', { cwd }, '--workers', redis.url())
    browser = await openBrowser()
    visitor = await Visitor.open(browser, console.url)
    await visitor.signIn(console.url, OPERATOR)
  })
  after(async () => {
    await browser.close()
    await console.stop()
    await redis.stop()
  })

  it('starts a run, shows it live, slows it down, stops it and resumes it', async () => {
    const { page } = visitor
    await page.goto(`${console.url}tasks`)
    await visitor.check()
    await page.getByRole('button', { name: 'Run now (5)' }).click()
    await page.waitForURL(/\/runs\//)
    const rows = async () => numberOf(await page.locator('#run [data-live=rowsWritten]').textContent())
    await until('rows', async () => (await rows()) > 0)
    const before = await rows()
    await until('more rows', async () => (await rows()) > before)
    await page.locator('#plot canvas').waitFor()
    await visitor.check()
    await picture(page, 'run-live')
    expect(await page.locator('pre code').textContent()).to.match(/^rowshift throttle /)

    await page.getByLabel(/Rows per second/).fill('200')
    await page.getByRole('button', { name: 'Change speed' }).click()
    await page.locator('#message:empty').waitFor({ state: 'attached' })
    page.once('dialog', (dialog) => void dialog.accept())
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.locator('#run[data-status=interrupted]').waitFor()
    const left = await rows()
    expect(left).to.be.within(1, ROWS - 1)
    await visitor.check()
    expect(await page.locator('#run').textContent()).to.include('speed was set to 200 rows per second')

    // As fast as it goes from here on.
    await console.api('PATCH', '/tasks/5', { params: '{"worker_num": 2, "read_batch": 500}' })
    const stopped = page.url()
    await page.getByRole('button', { name: 'Resume', exact: true }).click()
    await page.waitForURL((url) => url.href !== stopped)
    await page.locator('#run[data-status=success]').waitFor()
    expect(await rows()).to.equal(ROWS)
    expect(await fixture.data.value('SELECT COUNT(*) FROM dst')).to.equal(String(ROWS))
    await visitor.check()
    expect(await page.locator('#time p').textContent()).to.match(/% reading, \d+ % writing/)
    // Of both runs together, each row was written once.
    const { text } = await console.ask('GET', '/metrics')
    expect(text).to.include(`rowshift_rows_total{task="5",what="written"} ${ROWS}\n`)
    expect(text).to.match(/^rowshift_phase_seconds_total\{task="5",phase="writing"\} 0*\.?0*[1-9]/m)
  })

  it('shows each table of a database that is copied, and says when the run is gone', async () => {
    const { page } = visitor
    const server = fixture.database.server
    const tables = ['a', '<b>b</b>'].map(
      (name) => `CREATE TABLE \`${name}\` (id INT PRIMARY KEY, v INT); INSERT INTO \`${name}\`
        WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 900) SELECT i, i FROM q;
        INSERT INTO \`${name}\` SELECT id + 1000, v FROM \`${name}\`; ANALYZE TABLE \`${name}\``,
    )
    const from = await TestDatabase.create(server, tables.join(';'))
    const to = await TestDatabase.create(server)
    const params = { worker_num: 2, read_batch: 25, write_path: 'insert', speed: { record: 30 } }
    const ends = ['--from', from.wholeUrl, '--to', to.wholeUrl, '--create']
    const run = startCli(['copy', ...ends, '--params', JSON.stringify(params)])
    const ended = once(run, 'exit')
    run.stdout.resume()
    run.stderr.resume()
    try {
      // Others on this machine may have runs, too.
      const mine = async () =>
        (await console.api<RunSummary[]>('GET', '/runs')).find(({ pid }) => pid === run.pid)
      await until('the run', async () => (await mine()) !== undefined)
      await page.goto(`${console.url}runs/${(await mine())!.runId}`)
      const row = page.locator('#tables tr[data-table="<b>b</b>"]')
      const rows = async () => numberOf(await row.locator('td').nth(2).textContent())
      await until('rows of a table', async () => (await rows()) > 0)
      const before = await rows()
      await until('more rows of it', async () => (await rows()) > before)
      expect(await row.locator('progress').getAttribute('aria-label')).to.equal('<b>b</b>')
      expect(Number(await row.locator('progress').getAttribute('value'))).to.be.above(0)
      expect(await row.locator('.splits').textContent()).to.match(/^\d+ \/ \d+$/)
      expect(await page.locator('#tables-text').textContent()).to.equal('0 / 2 tables have ended')
      await page.locator('#time tr[data-phase=reading]').waitFor()
      expect(await page.locator('#time p').textContent()).to.match(
        / of the time of \d threads?, \d+ % reading/,
      )
      expect(await page.locator('#splits').count()).to.equal(0)
      await visitor.check()
      await picture(page, 'run-tables')
    } finally {
      run.kill('SIGINT')
      await ended
    }
    await page.locator('#message', { hasText: 'has ended' }).waitFor()
    expect(await page.getByRole('button', { name: 'Stop' }).count()).to.equal(0)
    await visitor.check()
  })

  it('adds a task, changes it, shows its plan, and removes it', async () => {
    const { page } = visitor
    await page.goto(`${console.url}tasks/new`)
    const { type } = fixture.data
    const fields = {
      from_db_type: type,
      from_app: 'app',
      from_db: 'db',
      from_table: 'src',
      to_db_type: type,
      to_app: 'app',
      to_db: 'db',
      to_table: 'dst3',
    }
    for (const [name, value] of Object.entries(fields))
      await page.getByLabel(name, { exact: true }).fill(value)
    await page.getByLabel(/^Params/).fill('{"worker_nun": 2}')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('#message.bad', { hasText: 'worker_num' }).waitFor()
    await page
      .getByLabel(/^Params/)
      .fill('{"worker_num": 2, "cron": {"at": "0 2 * * *", "time_zone": "Asia/Shanghai"}}')
    await page.getByLabel('Description').fill('<b>nightly</b>')
    await visitor.check()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
    const id = page.url().split('/').at(-1)!
    await page.getByRole('button', { name: 'Plan' }).click()
    await page.locator('#plan pre', { hasText: 'reason' }).waitFor()
    await page.getByRole('button', { name: 'Put online' }).click()
    await page.getByRole('button', { name: 'Take offline' }).waitFor()
    expect(await page.locator('.facts').innerText()).to.match(/Online\s+yes/)
    await page
      .getByText(/ 18:00:00/)
      .first()
      .waitFor()
    await visitor.check()
    await picture(page, 'task')
    await page.goto(`${console.url}tasks`)
    await page.getByText('<b>nightly</b>').waitFor()
    await picture(page, 'tasks')
    await page.goto(`${console.url}tasks/${id}`)
    // What others change meanwhile stays as they have changed it.
    await console.api('PATCH', `/tasks/${id}`, { owner: 'somebody else', online_status: 0 })
    await page.getByLabel('Description').fill('monthly')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('button', { name: 'Put online' }).waitFor()
    expect(await console.api<object>('GET', `/tasks/${id}`)).to.include({
      owner: 'somebody else',
      online_status: 0,
      task_desc: 'monthly',
    })
    // But not what two people change: the second one is told.
    await console.api('PATCH', `/tasks/${id}`, { task_desc: 'yearly' })
    await page.getByLabel('Description').fill('daily')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('#message.bad', { hasText: 'has changed task_desc' }).waitFor()
    expect(await console.api<object>('GET', `/tasks/${id}`)).to.include({ task_desc: 'yearly' })
    await visitor.check()
    await page.reload()
    expect(await page.getByLabel('Description').inputValue()).to.equal('yearly')
    await page.getByLabel(/Type the number/).fill(id)
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.waitForURL(/\/tasks$/)
    expect(await page.getByText('yearly').count()).to.equal(0)
  })

  it('compares, shows the differences, and repairs', async () => {
    const { page } = visitor
    await fixture.data.value('UPDATE dst SET v = 99 WHERE id = 2')
    await fixture.data.value('DELETE FROM dst WHERE id = 3')
    await page.goto(`${console.url}verify`)
    await page.getByRole('button', { name: 'Compare (5)' }).click()
    await page.locator('.status.different').waitFor()
    expect(await page.locator('#verifications').textContent())
      .to.include('id = 2')
      .and.include('id = 3')
    const figures = await page.locator('#verifications .facts').allInnerTexts()
    expect(figures.join().replaceAll(/\s+/g, ' '))
      .to.include(`Rows in the source ${ROWS.toLocaleString('en-US')}`)
      .and.include(`Rows in the target ${(ROWS - 1).toLocaleString('en-US')}`)
    await visitor.check()
    await picture(page, 'verify')
    page.once('dialog', (dialog) => void dialog.accept())
    await page.getByRole('button', { name: 'Repair (5)' }).click()
    await page.locator('.status.equal').waitFor()
    expect(await fixture.data.value('SELECT COUNT(*) FROM dst WHERE v = 99')).to.equal('0')
    expect(await fixture.data.value('SELECT COUNT(*) FROM dst')).to.equal(String(ROWS))
  })

  it('works without a mouse', async () => {
    const { page } = visitor
    const button = (name: string) => page.getByRole('button', { name, exact: true })
    const press = async (target: Locator) => {
      await visitor.tabTo(target)
      await page.keyboard.press('Enter')
    }
    const focused = () => page.evaluate('document.activeElement.textContent.trim()')
    const link = (name: string) => page.getByRole('link', { name, exact: true }).first()
    await page.goto(console.url)
    await visitor.walk()
    await press(link('Tasks'))
    await page.waitForURL(/\/tasks$/)
    await visitor.walk()
    await press(link('8'))
    await page.waitForURL(/\/tasks\/8$/)
    await visitor.walk()
    await visitor.tabTo(page.getByLabel('Description'))
    await page.keyboard.type('by keyboard')
    await press(button('Save'))
    await until(
      'it is saved',
      async () => (await console.api<Task>('GET', '/tasks/8')).task_desc === 'by keyboard',
    )
    await page.locator('input[name=task_desc][value="by keyboard"]').waitFor()
    await press(button('Plan'))
    await page.locator('#plan pre', { hasText: 'reason' }).waitFor()
    expect(await focused()).to.equal('Plan')

    await press(button('Run now'))
    await page.waitForURL(/\/runs\//)
    const speed = page.getByLabel(/Rows per second/)
    await visitor.tabTo(speed)
    await page.keyboard.type('300')
    await page.keyboard.press('Enter')
    await page.locator('#message:empty').waitFor({ state: 'attached' })
    page.once('dialog', (dialog) => void dialog.accept())
    await page.keyboard.press('Shift+Tab')
    expect(await focused()).to.equal('Stop')
    await page.keyboard.press('Enter')
    await page.locator('#run[data-status=interrupted]').waitFor()
    // What had the focus is gone; what is there instead comes next.
    expect(await page.evaluate('document.activeElement.id')).to.equal('content')
    await page.keyboard.press('Tab')
    expect(await focused()).to.equal('Resume')
    await visitor.walk()

    await console.api('PATCH', '/tasks/8', { params: '{}' })
    await press(link('Verify'))
    await page.waitForURL(/\/verify$/)
    await visitor.walk()
    const outcome = page.locator('section[aria-labelledby=task-8] .status')
    await press(button('Compare (8)'))
    await outcome.filter({ hasText: 'different' }).waitFor()
    expect(await focused()).to.equal('Compare (8)')
    page.once('dialog', (dialog) => void dialog.accept())
    await page.keyboard.press('Tab')
    expect(await focused()).to.equal('Repair (8)')
    await page.keyboard.press('Enter')
    await outcome.filter({ hasText: 'equal' }).waitFor()
    await visitor.check()
  })

  it('shows the workers that are connected, and gives a run to them', async () => {
    const { page } = visitor
    await page.goto(`${console.url}hosts`)
    await page.getByText('No worker is connected').waitFor()
    const args = ['worker', '--connect', redis.url(), '--threads', '2', '-c', fixture.folder]
    const workers = [startCli(args), startCli(args)]
    try {
      // Without a click: the page looks again by itself.
      for (const { pid } of workers)
        await page.getByRole('rowheader', { name: `${hostname()}:${pid}`, exact: true }).waitFor()
      await page.goto(`${console.url}tasks/7`)
      await page.getByRole('button', { name: 'Run on the workers' }).click()
      await page.waitForURL(/\/runs\//)
      const runId = page.url().split('/').at(-1)!
      await page.goto(`${console.url}hosts`)
      const links = page.getByRole('link', { name: runId })
      await until('both', async () => (await links.count()) === 2)
      await page
        .locator('td.number:nth-of-type(2)', { hasText: /^[1-9]/ })
        .first()
        .waitFor()
      await visitor.check()
      await picture(page, 'hosts')
      expect(await page.locator('pre code').textContent()).to.match(/^rowshift hosts --connect redis:/)
      await console.api('POST', `/runs/${runId}/throttle`, { record: null })
      await page.goto(`${console.url}runs/${runId}`)
      await page.locator('#run[data-status=success]').waitFor()
      expect(await fixture.data.value('SELECT COUNT(*) FROM dst3')).to.equal(String(ROWS))
    } finally {
      for (const worker of workers) worker.kill('SIGKILL')
    }
  })

  it('shows what others run, in Chinese and in the dark, to readers without buttons', async () => {
    const reader = await Visitor.open(browser, console.url, { colorScheme: 'dark', locale: 'zh-CN' })
    await reader.signIn(console.url, READER)
    const { page } = reader
    await page.goto(console.url)
    expect(await page.locator('h1').textContent()).to.equal('运行')
    const run = fixture.start('run', '6')
    expect(await run.code(), run.stderr).to.equal(0)
    const { runId } = run.report()
    const status = page.locator(`tr[data-run="${runId}"] .status.success`)
    await status.waitFor()
    expect(await status.textContent()).to.equal('成功')
    await reader.check()
    await picture(page, 'runs')
    await page.getByRole('link', { name: runId }).click()
    await page.locator('#run').waitFor()
    expect(await page.locator('button:not(.quiet)').count()).to.equal(0)
    await reader.check()
    for (const path of ['tasks', 'tasks/6', 'verify', 'hosts']) {
      await page.goto(console.url + path)
      await reader.check()
    }
    // The keyboard comes to the content first.
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.className')).to.equal('skip')
    await reader.close()
    const runs = await console.api<RunSummary[]>('GET', '/runs?task=6')
    expect(runs).to.have.length(1)
  })
})
