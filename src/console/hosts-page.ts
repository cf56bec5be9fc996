import type { HostRun, PresentHost } from '../features/hosts/present-hosts.js'
import type { Html } from './html.js'
import { html } from './html.js'
import type { Page, Viewer } from './layout.js'
import { count } from './layout.js'

/** How often the page is made anew. */
const EVERY_MS = 2_000
/** Splits of a run on a host that a person sees. */
const SHOWN = 16

/** What is known of the workers. */
export interface HostsState {
  /** Where they are heard of, without secrets; null: nobody has named a queue. */
  readonly queue: string | null
  readonly hosts: readonly PresentHost[]
  /** Their runs that have a page. */
  readonly known: ReadonlySet<string>
  /** Why nothing is known of them now; null: it is. */
  readonly fault: { readonly code: string; readonly message: string } | null
}

/** The workers that are connected. */
export function hostsPage(state: HostsState, viewer: Viewer): Page {
  const { queue } = state
  return {
    title: viewer.say('hosts'),
    section: 'hosts',
    command:
      queue === null ? 'rowshift serve --workers redis://HOST:6379' : `rowshift hosts --connect ${queue}`,
    content: html`<div id="hosts" data-reload data-every="${EVERY_MS}">${content(state, viewer)}</div>`,
  }
}

function content({ queue, hosts, known, fault }: HostsState, viewer: Viewer): Html {
  const { say } = viewer
  if (fault !== null)
    return html`<p class="bad" role="alert"><strong>${fault.code}</strong> ${fault.message}</p>`
  if (queue === null) return html`<p>${say('noQueue')}</p>`
  return hosts.length === 0 ? html`<p>${say('noHosts')}</p>` : hostsTable(hosts, known, viewer)
}

function hostsTable(hosts: readonly PresentHost[], known: HostsState['known'], { say }: Viewer): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${say('hosts')}">
    <table>
      <thead>
        <tr>
          <th scope="col">${say('host')}</th>
          <th scope="col" class="number">${say('threads')}</th>
          <th scope="col" class="number">${say('rate')}</th>
          <th scope="col">${say('heard')}</th>
          <th scope="col">${say('run')}</th>
          <th scope="col" class="number">${say('threads')}</th>
          <th scope="col" class="number">${say('rate')}</th>
          <th scope="col">${say('splitsInHand')}</th>
        </tr>
      </thead>
      <tbody>
        ${hosts.flatMap((host) => rowsOf(host, known))}
      </tbody>
    </table>
  </div>`
}

function rowsOf(
  { name, threads, rowsPerSecond, silentSeconds, runs }: PresentHost,
  known: HostsState['known'],
): Html[] {
  const many = String(Math.max(1, runs.length))
  const first = html`<th scope="row" rowspan="${many}">${name}</th>
    <td class="number" rowspan="${many}">${threads}</td>
    <td class="number" rowspan="${many}">${count(rowsPerSecond)}</td>
    <td rowspan="${many}">${silentSeconds.toFixed(1)} s</td>`
  if (runs.length === 0)
    return [
      html`<tr>
        ${first}
        <td colspan="4">—</td>
      </tr>`,
    ]
  return runs.map(
    (run, i) =>
      html`<tr>
        ${i === 0 ? first : ''} ${cellsOf(run, known.has(run.runId))}
      </tr>`,
  )
}

function cellsOf({ runId, threads, rowsPerSecond, splits, refused }: HostRun, isKnown: boolean): Html {
  const shown = splits.slice(0, SHOWN).map(({ split, rowsDone }) => `${split} (${count(rowsDone)})`)
  const more = splits.length > SHOWN ? '…' : ''
  return html`<td>${isKnown ? html`<a href="/runs/${encodeURIComponent(runId)}">${runId}</a>` : runId}</td>
    <td class="number">${threads}</td>
    <td class="number">${count(rowsPerSecond)}</td>
    <td class="${refused === null ? '' : 'error'}">${refused ?? [...shown, more].join(' ')}</td>`
}
