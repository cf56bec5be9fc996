/** Parts of the page of a run that move while it goes on: its tables, and where the time goes. */
import { byPhase, noTime, phases } from '../contract/time-spent.js'
import type { FeedTable } from '../engine/run-feed.js'
import type { DatabaseReport } from '../features/database/report.js'
import type { Html } from './html.js'
import { html } from './html.js'
import type { Viewer } from './layout.js'
import { count, statusBadge } from './layout.js'
import type { RunDetail } from './run-records.js'
import { statusesIn } from './words.js'

const MOST_SHOWN = 1000

/** Each table with its rows. Of a run that goes on, the script of the pages adds those that begin. */
export function tables(run: RunDetail, viewer: Viewer): Html | '' {
  const { progress, report } = run
  const running = run.status === 'running'
  const shown = running ? (progress?.tables?.shown ?? []) : reported(report)
  if (!running && shown.length === 0) return ''
  return html`<section
    id="tables"
    data-statuses="${JSON.stringify(statusesIn(viewer.language))}"
    ${shown.length === 0 ? html`hidden` : ''}
    aria-labelledby="tables-title"
  >
    <h2 id="tables-title">${viewer.say('tables')}</h2>
    <p id="tables-text" data-of="${viewer.say('tablesEnded')}">
      ${progress?.tables ? tablesText(progress.tables, viewer) : ''}
    </p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="tables-title">
      <table>
        <thead>
          <tr>
            <th scope="col">${viewer.say('table')}</th>
            <th scope="col">${viewer.say('status')}</th>
            <th scope="col" class="number">${viewer.say('rows')}</th>
            <th scope="col" class="wide"><span class="hidden">${viewer.say('rows')}</span></th>
            <th scope="col" class="number">${viewer.say('splits')}</th>
          </tr>
        </thead>
        <tbody>
          ${shown.slice(0, MOST_SHOWN).map((table) => tableRow(table, mostRows(shown), viewer))}
        </tbody>
      </table>
    </div>
    ${running ? html`<template id="table-row">${tableRow(NO_TABLE, 1, viewer)}</template>` : ''}
  </section>`
}

const NO_TABLE: FeedTable = {
  table: '',
  status: 'running',
  rows: 0,
  expected: null,
  step: null,
  splits: 0,
  splitsDone: 0,
  active: [],
}

function tablesText(
  { all, ended }: { readonly all: number; readonly ended: number },
  { say }: Viewer,
): string {
  return `${count(ended)} / ${count(all)} ${say('tablesEnded')}`
}

/** `most`: rows of the largest table, by which those are drawn of which nobody knows how many there are to be. */
function tableRow(
  { table, status, rows, expected, step, splits, splitsDone }: FeedTable,
  most: number,
  viewer: Viewer,
): Html {
  const ended = status !== 'running'
  const max = Math.max(1, expected ?? (ended ? most : 0), rows)
  const value = ended || expected !== null ? html`value="${rows}"` : ''
  return html`<tr data-table="${table}">
    <td class="name">${table}</td>
    <td>${statusBadge(status, viewer)} <span class="step">${step ?? ''}</span></td>
    <td class="number">${count(rows)}</td>
    <td><progress max="${max}" ${value} aria-label="${table}"></progress></td>
    <td class="number">
      <span class="splits">${splits === 0 ? '' : `${count(splitsDone)} / ${count(splits)}`}</span>
      <canvas aria-hidden="true" height="0" width="0"></canvas>
    </td>
  </tr>`
}

function mostRows(shown: readonly FeedTable[]): number {
  return shown.reduce((most, { rows }) => Math.max(most, rows), 1)
}

/** Of several sources or shards, and of a run that copies tables one by one. */
function reported(report: RunDetail['report']): FeedTable[] {
  const ended = { ...NO_TABLE, status: report?.status ?? 'success' }
  return [
    ...(report?.sources ?? []).map(({ name, rowsRead }) => ({ ...ended, table: name, rows: rowsRead })),
    ...(report?.shards ?? []).map(({ name, rowsWritten }) => ({ ...ended, table: name, rows: rowsWritten })),
    ...((report as Partial<DatabaseReport> | null)?.tables ?? []).map(({ table, status, rows, run }) => ({
      ...ended,
      table,
      status,
      rows,
      splits: run?.splits ?? 0,
      splitsDone: run?.splitsDone ?? 0,
    })),
  ]
}

function secondsText(seconds: number): string {
  return seconds.toFixed(seconds < 10 ? 2 : 1)
}

/** In one sentence, and a bar for each phase. */
export function time(
  { report, progress, timeWent, status }: RunDetail,
  { say, language }: Viewer,
): Html | '' {
  if (timeWent === null && status !== 'running') return ''
  const spent = progress?.spent ?? report?.timeSpent ?? noTime
  const labels = byPhase((phase) => say(phase))
  return html`<section id="time" ${timeWent === null ? html`hidden` : ''} aria-labelledby="time-title">
    <h2 id="time-title">${say('timeWent')}</h2>
    <p data-live="timeWent">${timeWent?.[language] ?? ''}</p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="time-title">
      <table>
        <thead>
          <tr>
            <th scope="col">${say('phase')}</th>
            <th scope="col" class="number">${say('lasted')}</th>
            <th scope="col" class="number">${say('alone')}</th>
            <th scope="col" class="wide"><span class="hidden">${say('share')}</span></th>
          </tr>
        </thead>
        <tbody>
          ${phases.map((phase) => {
            const { seconds, alone } = spent.phases[phase]
            return html`<tr data-phase="${phase}" ${seconds === 0 ? html`hidden` : ''}>
              <td>${labels[phase]}</td>
              <td class="number">${secondsText(seconds)}</td>
              <td class="number">${secondsText(alone)}</td>
              <td>
                <progress
                  max="${Math.max(spent.inHand, 0.001)}"
                  value="${seconds}"
                  aria-label="${labels[phase]}"
                ></progress>
              </td>
            </tr>`
          })}
        </tbody>
      </table>
    </div>
  </section>`
}
