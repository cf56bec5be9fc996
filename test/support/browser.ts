// A headless Chromium, Debian's, and what every page must hold.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { needProgram } from './machine.js'
import { isRoot } from './launch.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** For a busy machine. */
const PATIENCE_MS = 100_000

export async function openBrowser(): Promise<Browser> {
  const executablePath = needProgram('chromium', 'chromium')
  if (executablePath === null) throw new Error('there is no chromium: install the package of that name')
  return chromium.launch({ executablePath, args: isRoot ? ['--no-sandbox'] : [] })
}

/** A window whose console and requests are looked at. */
export class Visitor {
  readonly page: Page
  readonly faults: string[] = []
  readonly #context: BrowserContext

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context
    this.page = page
  }

  static async open(
    browser: Browser,
    url: string,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-US',
      ...options,
    })
    context.setDefaultTimeout(PATIENCE_MS)
    const visitor = new Visitor(context, await context.newPage())
    const { host } = new URL(url)
    context.on('request', (request) => {
      const at = new URL(request.url())
      if (at.protocol !== 'data:' && at.host !== host) visitor.faults.push(`asks ${request.url()}`)
    })
    visitor.page.on('console', (message) => {
      // The browser says so itself when a request is refused, which the page tells.
      if (message.type() === 'error' && !/status of 4(00|01|04|12)/.test(message.text()))
        visitor.faults.push(message.text())
    })
    visitor.page.on('pageerror', (error) => visitor.faults.push(error.message))
    return visitor
  }

  async signIn(url: string, token: string): Promise<void> {
    await this.page.goto(url)
    await this.page.getByLabel(/Token|令牌/).fill(token)
    await this.page.getByRole('button').click()
    await this.page.waitForSelector('header nav')
  }

  /** No serious fault for those who cannot see or use a mouse, none of the scripts, no request elsewhere. */
  async check(): Promise<void> {
    await this.page.evaluate(axe)
    const found = (await this.page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[]
    }
    const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    expect(
      serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
      this.page.url(),
    ).to.deep.equal([])
    expect(this.faults, this.page.url()).to.deep.equal([])
  }

  close(): Promise<void> {
    return this.#context.close()
  }
}
