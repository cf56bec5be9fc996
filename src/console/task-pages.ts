/** The list of tasks, and one task with its form. */
import type { Task } from '../contract/task-store.js'
import type { Html } from './html.js'
import { html } from './html.js'
import type { Page, Viewer } from './layout.js'
import { act, facts, statusBadge } from './layout.js'
import { runsTable } from './run-pages.js'
import type { RunSummary, TaskSummary } from './run-records.js'
import { etagOf } from './task-version.js'

const API = '/api/v1/tasks'

export function tasksPage(tasks: readonly TaskSummary[], args: string, viewer: Viewer): Page {
  const { say, role } = viewer
  return {
    title: say('tasks'),
    section: 'tasks',
    command: `rowshift list${args}`,
    content: html`${role === 'operator' ? html`<p><a class="button" href="/tasks/new">${say('add')}</a></p>` : ''}
    ${
      tasks.length === 0
        ? html`<p>${say('none')}</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="${say('tasks')}">
            <table id="tasks" data-reload>
              <thead>
                <tr>
                  <th scope="col">${say('task')}</th>
                  <th scope="col">${say('online')}</th>
                  <th scope="col">${say('from')}</th>
                  <th scope="col">${say('to')}</th>
                  <th scope="col">${say('lastRun')}</th>
                  <th scope="col">${say('nextRun')}</th>
                  <th scope="col">${say('description')}</th>
                  <th scope="col"><span class="hidden">${say('actions')}</span></th>
                </tr>
              </thead>
              <tbody>
                ${tasks.map((task) => line(task, viewer))}
              </tbody>
            </table>
          </div>`
    }`,
  }
}

function line({ task, next, cron, lastRun, running }: TaskSummary, viewer: Viewer): Html {
  const { say } = viewer
  const online = task.online_status === 1
  return html`<tr>
    <td><a href="/tasks/${task.id}">${task.id}</a></td>
    <td>${say(online ? 'yes' : 'no')}</td>
    <td>${sideOf(task, 'from')}</td>
    <td>${sideOf(task, 'to')}</td>
    <td>
      ${
        lastRun === null
          ? ''
          : html`<a href="/runs/${encodeURIComponent(lastRun.runId)}">${lastRun.began}</a>
              ${statusBadge(lastRun.status, viewer)}`
      }
    </td>
    <td>${next}${cron === null ? '' : html`<br /><small>${cron}</small>`}</td>
    <td>${task.task_desc}</td>
    <td>
      ${online && !running ? act(`${say('runNow')} (${task.id})`, 'POST', `${API}/${task.id}/run`, viewer, { go: '/runs/{runId}' }) : ''}
    </td>
  </tr>`
}

function sideOf(task: Task, side: 'from' | 'to'): string {
  const [type, app, db, table] = (['db_type', 'app', 'db', 'table'] as const).map(
    (name) => task[`${side}_${name}`] ?? '',
  )
  return `${type}: ${app}_${db}.${table}`
}

/** `task`: null for a new one. */
export function taskPage(
  task: Task | null,
  runs: readonly RunSummary[],
  next: TaskSummary | null,
  args: string,
  viewer: Viewer,
): Page {
  const { say } = viewer
  return {
    title: task === null ? say('add') : `${say('task')} ${task.id}`,
    section: 'tasks',
    command:
      task === null
        ? `rowshift task add --from TYPE:APP/DB/TABLE --to TYPE:APP/DB/TABLE${args}`
        : `rowshift run ${task.id}${args}`,
    content: html`${task === null ? '' : acts(task, viewer)}
      ${
        task === null
          ? ''
          : facts([
              [say('status'), task.task_status === null ? null : statusBadge(task.task_status, viewer)],
              [say('online'), say(task.online_status === 1 ? 'yes' : 'no')],
              [say('nextRun'), next?.next ?? null],
            ])
      }
      <div id="plan" hidden>
        <h2>${say('plan')}</h2>
        <pre tabindex="0"></pre>
      </div>
      ${form(task, viewer)}
      ${
        task === null || runs.length === 0
          ? ''
          : html`<section>
              <h2>${say('runs')}</h2>
              ${runsTable(runs, viewer)}
            </section>`
      }
      ${task === null ? '' : removal(task, viewer)}`,
  }
}

function acts(task: Task, viewer: Viewer): Html {
  const { say } = viewer
  const path = `${API}/${task.id}`
  const online = task.online_status === 1
  return html`<section class="acts" aria-label="${say('actions')}">
    ${online ? act(say('runNow'), 'POST', `${path}/run`, viewer, { go: '/runs/{runId}' }) : ''}
    ${online && viewer.shares ? act(say('runOnWorkers'), 'POST', `${path}/run`, viewer, { body: { workers: true }, go: '/runs/{runId}' }) : ''}
    ${act(say('plan'), 'POST', `${path}/plan`, viewer, { go: '#plan' })}
    ${act(say('compare'), 'POST', `${path}/verify`, viewer, { go: '/verify?task=' + task.id })}
    ${act(say(online ? 'disable' : 'enable'), 'PATCH', path, viewer, { body: { online_status: online ? 0 : 1 }, go: '/tasks/{id}' })}
    ${act(say('clone'), 'POST', `${path}/clone`, viewer, { go: '/tasks/{id}' })}
  </section>`
}

const FIELDS = [
  'from_db_type',
  'from_app',
  'from_db',
  'from_table',
  'to_db_type',
  'to_app',
  'to_db',
  'to_table',
] as const

function form(task: Task | null, { say, role }: Viewer): Html {
  const locked = role === 'operator' ? '' : html`disabled`
  const path = task === null ? API : `${API}/${task.id}`
  return html`<section>
    <h2>${say(task === null ? 'add' : 'edit')}</h2>
    <form
      class="task"
      data-method="${task === null ? 'POST' : 'PATCH'}"
      data-path="${path}"
      data-version="${task === null ? '' : etagOf(task)}"
      data-go="/tasks/{id}"
    >
      <fieldset ${locked}>
        ${FIELDS.map(
          (name) =>
            html`<label
              >${name} <input name="${name}" value="${task?.[name]}" required maxlength="255"
            /></label>`,
        )}
        <label>${say('description')} <input name="task_desc" value="${task?.task_desc}" data-null /></label>
        <label>${say('owner')} <input name="owner" value="${task?.owner}" maxlength="100" data-null /></label>
        <label class="wide"
          >${say('params')}
          <textarea name="params" rows="12" spellcheck="false" data-null>${task?.params}</textarea>
        </label>
        ${role === 'operator' ? html`<button>${say('save')}</button>` : ''}
      </fieldset>
    </form>
  </section>`
}

function removal(task: Task, { say, role }: Viewer): Html | '' {
  if (role !== 'operator') return ''
  return html`<section>
    <h2>${say('remove')}</h2>
    <form class="inline" data-method="DELETE" data-path="${API}/${task.id}" data-go="/tasks">
      <label
        >${say('removeHint')}
        <input name="confirm" data-skip required pattern="${task.id}" autocomplete="off"
      /></label>
      <button class="danger">${say('remove')}</button>
    </form>
  </section>`
}
