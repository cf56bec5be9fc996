// A headless Chromium, Debian's, and what every page must hold.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core'
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

const MOST_TABS = 200

/** What has the focus: whether one sees that, and which of those that can be acted on it is; null: nothing. */
const FOCUSED = `(() => {
  const { activeElement: element } = document
  if (element === document.body) return null
  const { outlineStyle, outlineWidth } = getComputedStyle(element)
  const { left, right, top, bottom } = element.getBoundingClientRect()
  return {
    html: element.outerHTML.slice(0, 200),
    seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 &&
      right > 0 && bottom > 0 && left < innerWidth && top < innerHeight,
    index: [...document.querySelectorAll('a, button, input, textarea')].indexOf(element),
  }
})()`
const REACHABLE = `[...document.querySelectorAll('a, button, input, textarea')]
  .flatMap((element, index) => (element.checkVisibility() ? [index] : []))`

interface Focused {
  readonly html: string
  readonly seen: boolean
  readonly index: number
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

  /** By Tab alone. */
  async tabTo(target: Locator): Promise<void> {
    await target.waitFor()
    for (let tabs = 0; tabs < MOST_TABS; tabs++) {
      await this.#tab()
      if ((await target.and(this.page.locator(':focus')).count()) > 0) return
    }
    throw new Error(`Tab does not come to ${String(target)} of ${this.page.url()}`)
  }

  /** Everything on the page that can be acted on is there for Tab, and shows that it has the focus. */
  async walk(): Promise<void> {
    const left = new Set((await this.page.evaluate(REACHABLE)) as number[])
    for (let tabs = 0; left.size > 0 && tabs < MOST_TABS; tabs++)
      left.delete((await this.#tab())?.index ?? -1)
    expect([...left], this.page.url()).to.deep.equal([])
  }

  async #tab(): Promise<Focused | null> {
    await this.page.keyboard.press('Tab')
    const focused = (await this.page.evaluate(FOCUSED)) as Focused | null
    expect(focused?.seen ?? true, `${this.page.url()}: ${focused?.html}`).to.equal(true)
    return focused
  }

  close(): Promise<void> {
    return this.#context.close()
  }
}
