/** The list of runs, and one run. */
import type { Html } from './html.js'
import { html } from './html.js'
import type { Page, Viewer } from './layout.js'
import { act, count, duration, facts, statusBadge } from './layout.js'
import type { RunDetail, RunSummary } from './run-records.js'
import { tables, time } from './run-sections.js'

const API = '/api/v1'

export function runsPage(
  runs: readonly RunSummary[],
  task: number | null,
  args: string,
  viewer: Viewer,
): Page {
  const { say } = viewer
  const which = task === null ? '' : ` ${task}`
  return {
    title: task === null ? say('runs') : `${say('runs')}: ${say('task')} ${task}`,
    section: 'runs',
    command: `rowshift history${which}${args}`,
    content: runs.length === 0 ? html`<p>${say('none')}</p>` : runsTable(runs, viewer),
  }
}

export function runsTable(runs: readonly RunSummary[], viewer: Viewer): Html {
  const { say } = viewer
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${say('runs')}">
    <table id="runs" data-reload>
      <thead>
        <tr>
          <th scope="col">${say('run')}</th>
          <th scope="col">${say('task')}</th>
          <th scope="col">${say('status')}</th>
          <th scope="col">${say('mode')}</th>
          <th scope="col">${say('began')}</th>
          <th scope="col" class="number">${say('lasted')}</th>
          <th scope="col" class="number">${say('rows')}</th>
          <th scope="col" class="number">${say('rate')}</th>
          <th scope="col">${say('eta')}</th>
          <th scope="col">${say('error')}</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map(
          (run) =>
            html`<tr data-run="${run.runId}">
              <td><a href="/runs/${encodeURIComponent(run.runId)}">${run.runId}</a></td>
              <td>
                ${run.taskId === null ? say('adHoc') : html`<a href="/tasks/${run.taskId}">${run.taskId}</a>`}
              </td>
              <td>${statusBadge(run.status, viewer)}</td>
              <td>${run.mode}</td>
              <td>${run.began}</td>
              <td class="number" data-live="seconds">
                ${run.seconds === null ? '' : run.seconds.toFixed(1)}
              </td>
              <td class="number" data-live="rowsWritten">${count(run.rowsWritten)}</td>
              <td class="number" data-live="rowsPerSecond">${count(run.rowsPerSecond)}</td>
              <td data-live="left">${duration(run.left)}</td>
              <td class="error">
                ${run.error === null ? '' : `${run.error.code}: ${shortened(run.error.message)}`}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function shortened(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 159)}…`
}

export function runPage(run: RunDetail, args: string, viewer: Viewer): Page {
  const { say } = viewer
  const running = run.status === 'running'
  return {
    title: `${say('run')} ${run.runId}`,
    section: 'runs',
    command: commandOf(run, args),
    content: html`<div
      id="run"
      data-run="${run.runId}"
      data-status="${run.status}"
      data-gone="${say('gone')}"
      data-reload
    >
      ${acts(run, viewer)} ${figures(run, viewer)} ${bar(run, viewer)}
      ${run.error === null ? '' : html`<p class="bad" role="alert"><strong>${run.error.code}</strong> ${run.error.message}</p>`}
      <p class="waiting" data-live="waiting">
        ${run.progress?.waiting ? `${say('waiting')}: ${run.progress.waiting}` : ''}
      </p>
      ${tables(run, viewer)} ${running && !run.progress?.tables ? splitMap(run, viewer) : ''}
      ${time(run, viewer)} ${running || run.samples.length > 1 ? speedPlot(run, viewer) : ''}
      ${rejected(run, viewer)} ${section(say('overrides'), run.overrides)}
      ${section(say('warnings'), run.warnings)} ${section(say('reasons'), run.reasons)}
      ${
        run.plan === null || run.plan === ''
          ? ''
          : html`<section>
              <h2>${say('plan')}</h2>
              <pre tabindex="0">${run.plan}</pre>
            </section>`
      }
    </div>`,
  }
}

function commandOf(run: RunDetail, args: string): string {
  if (run.status === 'running') return `rowshift throttle ${run.runId} --record 10000`
  if (run.mode === 'verify') return `rowshift verify ${run.taskId}${args}`
  if (run.resumable) return `rowshift resume ${run.runId}${args}`
  return run.taskId === null ? 'rowshift copy --from URL --to URL' : `rowshift run ${run.taskId}${args}`
}

function acts(run: RunDetail, viewer: Viewer): Html {
  const { say } = viewer
  const path = `${API}/runs/${run.runId}`
  const parts = run.live
    ? html`${act(say('stop'), 'POST', `${path}/stop`, viewer, { danger: true, confirm: `${say('stop')}? ${say('stopHint')}` })}
      ${
        viewer.role === 'operator'
          ? html`<form class="inline" data-method="POST" data-path="${path}/throttle">
              <label>${say('rowsPerSecond')} <input name="record" type="number" min="1" data-null /></label>
              <label>${say('bytesPerSecond')} <input name="byte" type="number" min="1" data-null /></label>
              <button>${say('speed')}</button>
            </form>`
          : ''
      }`
    : html`${run.resumable ? act(say('resume'), 'POST', `${path}/resume`, viewer, { go: '/runs/{runId}' }) : ''}
      ${run.resumable && viewer.shares ? act(say('resumeOnWorkers'), 'POST', `${path}/resume`, viewer, { body: { workers: true }, go: '/runs/{runId}' }) : ''}
      ${
        run.taskId === null || run.status === 'running' || run.mode === 'verify'
          ? ''
          : act(say('runNow'), 'POST', `${API}/tasks/${run.taskId}/run`, viewer, { go: '/runs/{runId}' })
      }`
  return html`<section class="acts" aria-label="${say('actions')}">${parts}</section>`
}

function figures(run: RunDetail, viewer: Viewer): Html {
  const { say } = viewer
  const live = (name: string, value: string) => html`<span data-live="${name}">${value}</span>`
  const { report, progress } = run
  return facts([
    [
      say('task'),
      run.taskId === null ? say('adHoc') : html`<a href="/tasks/${run.taskId}">${run.taskId}</a>`,
    ],
    [say('status'), statusBadge(run.status, viewer)],
    [say('mode'), run.mode],
    [say('from'), run.from],
    [say('to'), run.to],
    [say('began'), run.began],
    [say('ended'), run.ended],
    [say('lasted'), live('seconds', run.seconds === null ? '' : run.seconds.toFixed(1))],
    [say('rowsWritten'), live('rowsWritten', count(run.rowsWritten))],
    [say('rate'), live('rowsPerSecond', count(run.rowsPerSecond))],
    [say('bytes'), live('bytes', count(progress?.bytes ?? report?.bytes))],
    [say('eta'), run.live && live('left', duration(run.left))],
    [
      say('splits'),
      live(
        'splits',
        `${count(progress?.splitsDone ?? report?.splitsDone)} / ${count(progress?.splits ?? report?.splits)}`,
      ),
    ],
    [say('retries'), live('retries', count(progress?.retries ?? report?.retries))],
    [say('threads'), live('threads', count(progress?.threads ?? report?.workerNum))],
    [say('rowsRejected'), count(report?.dirtyRows)],
    [say('host'), run.host === null ? null : `${run.host} (${run.pid})`],
  ])
}

function speedPlot({ samples }: RunDetail, { say }: Viewer): Html {
  return html`<section aria-labelledby="speed-title">
    <h2 id="speed-title">${say('speedPlot')}</h2>
    <div
      id="plot"
      role="img"
      aria-label="${say('speedPlot')}"
      data-samples="${JSON.stringify(samples)}"
    ></div>
  </section>`
}

/** What becomes of each split; of several tables, each has its own. */
function splitMap({ progress }: RunDetail, { say }: Viewer): Html {
  return html`<section id="map" aria-labelledby="map-title">
    <h2 id="map-title">${say('splitMap')}</h2>
    <canvas
      id="splits"
      role="img"
      aria-label="${say('splitMap')}"
      data-progress="${JSON.stringify(progress)}"
    ></canvas>
    <p
      id="splits-text"
      data-done="${say('done')}"
      data-active="${say('active')}"
      data-waiting="${say('waitingSplits')}"
    ></p>
  </section>`
}

function bar({ live, percent, status }: RunDetail, { say }: Viewer): Html {
  if (!live && status !== 'success') return html``
  const value = live ? percent : 100
  return html`<progress
    max="100"
    ${value === null ? '' : html`value="${value}"`}
    data-live="percent"
    aria-label="${say('rows')}"
  >
    ${value ?? ''}
  </progress>`
}

function section(title: string, lines: readonly string[]): Html | '' {
  if (lines.length === 0) return ''
  return html`<section>
    <h2>${title}</h2>
    <ul>
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>
  </section>`
}

/** How many, and where: their values are private. */
function rejected({ report }: RunDetail, { say }: Viewer): Html | '' {
  const files = [report?.dirtyFile, report?.dirtyReadFile].filter((file) => file != null)
  if (files.length === 0) return ''
  return html`<section>
    <h2>${say('rejected')}</h2>
    <p>${count(report?.dirtyRows)}. ${say('rejectedHint')}</p>
    <ul>
      ${files.map((file) => html`<li><code>${file}</code></li>`)}
    </ul>
  </section>`
}
