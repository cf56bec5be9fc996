import type { Role } from './access.js'
import type { Html } from './html.js'
import { html } from './html.js'
import type { Language, Say } from './words.js'
import { sayIn, statusesIn } from './words.js'

/** For whom a page is made. */
export interface Viewer {
  readonly role: Role
  readonly language: Language
  readonly say: Say
  /** Runs can be shared among the workers of other machines. */
  readonly shares: boolean
}

export interface Page {
  readonly title: string
  readonly section: 'runs' | 'tasks' | 'verify' | 'hosts' | null
  readonly content: Html
  /** Which shows the same, or does it. */
  readonly command: string | null
}

export function viewer(role: Role, language: Language, shares: boolean): Viewer {
  return { role, language, say: sayIn(language), shares }
}

const SECTIONS = [
  ['runs', '/'],
  ['tasks', '/tasks'],
  ['verify', '/verify'],
  ['hosts', '/hosts'],
] as const

/** A whole page. */
export function layout(
  { title, section, content, command }: Page,
  { role, language, say, shares }: Viewer,
): string {
  const links = SECTIONS.filter(([name]) => name !== 'hosts' || shares).map(
    ([name, href]) =>
      html`<a href="${href}" ${section === name ? html`aria-current="page"` : ''}>${say(name)}</a>`,
  )
  return document(
    title,
    language,
    html`<a class="skip" href="#content">${say('skip')}</a>
      <header>
        <strong>rowshift</strong>
        <nav aria-label="rowshift">${links}</nav>
        <span class="role">${say(role === 'operator' ? 'operator' : 'readOnly')}</span>
        <a
          href="?lang=${language === 'en' ? 'zh' : 'en'}"
          hreflang="${language === 'en' ? 'zh' : 'en'}"
          lang="${language === 'en' ? 'zh' : 'en'}"
          >${say('language')}</a
        >
        <form method="post" action="/logout"><button class="quiet">${say('signOut')}</button></form>
      </header>
      <main id="content" tabindex="-1">
        <h1>${title}</h1>
        <div id="message" role="status" aria-live="polite"></div>
        ${content} ${command === null ? '' : commandLine(command, say)}
      </main>`,
  )
}

/** Every page has one. */
function commandLine(command: string, say: Say): Html {
  return html`<section class="command" aria-label="${say('command')}">
    <h2>${say('command')}</h2>
    <pre tabindex="0"><code>${command}</code></pre>
  </section>`
}

export function document(title: string, language: Language, body: Html): string {
  return `<!doctype html>\n${html`<html lang="${language === 'zh' ? 'zh-CN' : 'en'}">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title} · rowshift</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="/assets/uplot.css" />
      <link rel="stylesheet" href="/assets/console.css" />
      <script src="/assets/uplot.js" defer></script>
      <script src="/assets/console.js" defer></script>
    </head>
    <body>
      ${body}
    </body>
  </html>`.toString()}`
}

/** What one enters the token into. */
export function loginPage(language: Language, say: Say, wrong: boolean): string {
  return document(
    say('signIn'),
    language,
    html`<main id="content" class="login">
      <h1>rowshift</h1>
      <form method="post" action="/login">
        <label for="token">${say('token')}</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
        <p class="hint">${say('tokenHint')}</p>
        ${wrong ? html`<p class="bad" role="alert">${say('wrongToken')}</p>` : ''}
        <button>${say('signIn')}</button>
      </form>
    </main>`,
  )
}

/** A button that calls the API; the script of the pages does the rest. */
export function act(
  label: string,
  method: string,
  path: string,
  { role }: Viewer,
  more: {
    readonly body?: object
    readonly go?: string
    readonly confirm?: string
    readonly danger?: boolean
  } = {},
): Html | '' {
  if (role !== 'operator') return ''
  return html`<button
    data-method="${method}"
    data-path="${path}"
    data-body="${JSON.stringify(more.body ?? {})}"
    data-go="${more.go ?? ''}"
    data-confirm="${more.confirm ?? ''}"
    class="${more.danger === true ? 'danger' : ''}"
  >
    ${label}
  </button>`
}

export function facts(
  pairs: readonly (readonly [name: string, value: Html | string | number | null | false])[],
): Html {
  const shown = pairs.filter(([, value]) => value !== null && value !== '' && value !== false)
  return html`<dl class="facts">
    ${shown.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : Math.round(value).toLocaleString('en-US')
}

/** `1 min 20 s` */
export function duration(seconds: number | null): string {
  if (seconds === null) return ''
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 100 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${(seconds / 3600).toFixed(1)} h`
}

export function statusBadge(status: string, { language }: Pick<Viewer, 'language'>): Html {
  const shown = new Map(Object.entries(statusesIn(language))).get(status) ?? status.replaceAll('_', ' ')
  return html`<span class="status ${/^[a-z]+$/.test(status) ? status : ''}">${shown}</span>`
}
