import type { Comparison } from '../features/verify/report.js'
import type { Html } from './html.js'
import { html } from './html.js'
import type { Page, Viewer } from './layout.js'
import { act, count, facts, statusBadge } from './layout.js'
import type { TaskSummary, Verification } from './run-records.js'
import type { LatestVerification } from './verifications.js'

const MOST_TABLES = 1_000
/** Rows of each kind that a person sees. */
const SHOWN = 100

/** What was compared, by task; a repair is offered where a comparison has found something. */
export function verifyPage(
  tasks: readonly TaskSummary[],
  verifications: ReadonlyMap<number, LatestVerification>,
  chosen: number | null,
  args: string,
  viewer: Viewer,
): Page {
  const { say } = viewer
  const shown = chosen === null ? tasks : tasks.filter(({ task }) => task.id === chosen)
  return {
    title: chosen === null ? say('verify') : `${say('verify')}: ${say('task')} ${chosen}`,
    section: 'verify',
    command: `rowshift verify ${chosen ?? 'ID'}${args}`,
    content: html`${chosen === null ? '' : html`<p><a href="/verify">${say('all')}</a></p>`}
      ${shown.length === 0 ? html`<p>${say('none')}</p>` : ''}
      <div id="verifications" data-reload>
        ${shown.map(({ task }) => {
          const latest = verifications.get(task.id)
          return html`<section aria-labelledby="task-${task.id}">
            <h2 id="task-${task.id}">
              <a href="/tasks/${task.id}">${say('task')} ${task.id}</a> ${task.from_table} → ${task.to_table}
            </h2>
            ${buttons(task.id, latest, viewer)}
            ${latest === undefined ? older(task.id, chosen, viewer) : outcome(latest, viewer)}
          </section>`
        })}
      </div>`,
  }
}

/** Where many tasks are compared, only the newest comparisons are shown together. */
function older(id: number, chosen: number | null, { say }: Viewer): Html | '' {
  return chosen === null
    ? html`<p><a href="/verify?task=${id}">${say('verify')}: ${say('task')} ${id}</a></p>`
    : ''
}

function buttons(id: number, latest: Verification | undefined, viewer: Viewer): Html {
  const { say } = viewer
  const path = `/api/v1/tasks/${id}/verify`
  if (latest?.status === 'running') return html``
  const repair =
    latest?.status === 'different' && latest.kind === 'verify'
      ? act(`${say('repair')} (${id})`, 'POST', path, viewer, {
          body: { repair: true },
          danger: true,
          confirm: say('repairHint'),
          go: '.',
        })
      : ''
  return html`<div class="acts">
    ${act(`${say('compare')} (${id})`, 'POST', path, viewer, { go: '.' })} ${repair}
  </div>`
}

function outcome(verification: LatestVerification, viewer: Viewer): Html {
  const { say } = viewer
  const { status, at, error, found, left, tables, kind, runId, isRun } = verification
  return html`${facts([
    [say('status'), statusBadge(status, viewer)],
    [say('comparedAt'), at],
    [say('mode'), kind],
    [say('run'), isRun ? html`<a href="/runs/${runId}">${runId}</a>` : runId],
  ])}
  ${error === null || status === 'different' ? '' : html`<p class="bad" role="alert"><strong>${error.code}</strong> ${error.message}</p>`}
  ${comparison(left ?? found, viewer)} ${tablesOf(tables ?? [], viewer)}`
}

/** Of a task that copies tables one by one. */
function tablesOf(tables: NonNullable<Verification['tables']>, viewer: Viewer): Html | '' {
  const { say } = viewer
  if (tables.length === 0) return ''
  return html`<table>
    <thead>
      <tr>
        <th scope="col">${say('tables')}</th>
        <th scope="col">${say('status')}</th>
        <th scope="col" class="number">${say('missing')}</th>
        <th scope="col" class="number">${say('extra')}</th>
        <th scope="col" class="number">${say('different')}</th>
      </tr>
    </thead>
    <tbody>
      ${tables.slice(0, MOST_TABLES).map(({ table, status, found, left }) => {
        const { missing, extra, different } = left ?? found ?? {}
        return html`<tr>
          <td>${table}</td>
          <td>${statusBadge(status, viewer)}</td>
          <td class="number">${count(missing)}</td>
          <td class="number">${count(extra)}</td>
          <td class="number">${count(different)}</td>
        </tr>`
      })}
    </tbody>
  </table>`
}

function comparison(result: Comparison | null, { say }: Viewer): Html | '' {
  if (result === null) return ''
  const { missing, extra, different, missingRows, extraRows, differentRows, sourceRows, targetRows } = result
  const rows = [
    ...missingRows.map((row) => [say('missing'), keyText(row), ''] as const),
    ...extraRows.map((row) => [say('extra'), keyText(row), ''] as const),
    ...differentRows.map(({ key, columns }) => [say('different'), keyText(key), columns.join(', ')] as const),
  ]
  return html`${facts([
    [say('sourceRows'), count(sourceRows)],
    [say('targetRows'), count(targetRows)],
    [say('missing'), count(missing)],
    [say('extra'), count(extra)],
    [say('different'), count(different)],
  ])}
  ${
    rows.length === 0
      ? ''
      : html`<table>
          <thead>
            <tr>
              <th scope="col">${say('differences')}</th>
              <th scope="col">${say('keyOfRow')}</th>
              <th scope="col">${say('columns')}</th>
            </tr>
          </thead>
          <tbody>
            ${rows.slice(0, SHOWN).map(
              ([what, key, columns]) =>
                html`<tr>
                  <td>${what}</td>
                  <td>${key}</td>
                  <td>${columns}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
  }`
}

function keyText(row: unknown): string {
  return typeof row === 'object' && row !== null
    ? Object.entries(row)
        .map(([name, value]) => `${name} = ${String(value)}`)
        .join(', ')
    : String(row)
}
