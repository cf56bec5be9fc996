// What the pages of `rowshift serve` do by themselves: acts, live numbers, plots. Without it they still show everything.
'use strict'
;(() => {
  const message = document.getElementById('message')
  const dark = matchMedia('(prefers-color-scheme: dark)')

  function say(text, bad) {
    if (!message) return
    message.textContent = text
    message.className = bad ? 'bad' : ''
    if (text !== '') message.scrollIntoView({ block: 'nearest' })
  }

  /** `version`: of what is changed, as it was when the page was made; whoever has changed the same meanwhile is not overwritten. */
  async function call(method, path, body, version) {
    const response = await fetch(path, {
      method,
      headers: {
        'x-rowshift': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(version ? { 'if-match': version } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const result = response.status === 204 ? {} : await response.json()
    if (!response.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
    return result
  }

  function go(where, result) {
    if (where === '#plan') {
      const plan = document.getElementById('plan')
      plan.hidden = false
      plan.querySelector('pre').textContent = [
        ...(result.reasons ?? []).map((text) => `reason   ${text}`),
        ...(result.warnings ?? []).map((text) => `warning  ${text}`),
        '',
        JSON.stringify(result, null, 2),
      ].join('\n')
      plan.scrollIntoView()
      return
    }
    const target = where.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(result[name] ?? ''))
    if (where === '' || where === '.') reload()
    else location.assign(target === '/runs/' ? '/' : target)
  }

  /** Once at a time. A button that is disabled would lose the focus, and whoever uses the keyboard the place. */
  async function perform(element, method, path, body, where) {
    if (element.hasAttribute('aria-busy')) return
    element.setAttribute('aria-busy', 'true')
    const buttons = element.tagName === 'FORM' ? [...element.querySelectorAll('button')] : [element]
    for (const button of buttons) button.setAttribute('aria-disabled', 'true')
    say('…')
    try {
      const result = await call(method, path, body, element.dataset.version)
      say('')
      go(where ?? '', result)
    } catch (error) {
      say(error.message, true)
    } finally {
      element.removeAttribute('aria-busy')
      for (const button of buttons) button.removeAttribute('aria-disabled')
    }
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-path]')
    if (!button) return
    const { method, path, body, go: where, confirm: question } = button.dataset
    if (question && !confirm(question)) return
    void perform(button, method, path, method === 'DELETE' ? undefined : JSON.parse(body), where)
  })

  document.addEventListener('submit', (event) => {
    const form = event.target.closest('form[data-path]')
    if (!form) return
    event.preventDefault()
    const { method, path, go: where } = form.dataset
    // What others have changed meanwhile is theirs.
    const fields = [...form.elements].filter(
      (field) =>
        field.name &&
        !('skip' in field.dataset) &&
        (method !== 'PATCH' || field.value !== field.defaultValue),
    )
    const body = fields.map((field) => {
      const empty = field.value === '' && 'null' in field.dataset
      return [field.name, empty ? null : field.type === 'number' ? Number(field.value) : field.value]
    })
    void perform(form, method, path, method === 'DELETE' ? undefined : Object.fromEntries(body), where)
  })

  // --- what changes by itself

  const count = (value) => (value == null ? '' : Math.round(value).toLocaleString('en-US'))
  function duration(seconds) {
    if (seconds == null) return ''
    if (seconds < 100) return `${seconds.toFixed(1)} s`
    return seconds < 6000
      ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
      : `${(seconds / 3600).toFixed(1)} h`
  }
  const shown = {
    seconds: (run) => (run.seconds == null ? '' : run.seconds.toFixed(1)),
    rowsWritten: (run) => count(run.rowsWritten),
    rowsPerSecond: (run) => count(run.rowsPerSecond),
    left: (run) => duration(run.left),
    bytes: (run) => count(run.progress?.bytes),
    splits: (run) => `${count(run.progress?.splitsDone)} / ${count(run.progress?.splits)}`,
    retries: (run) => count(run.progress?.retries),
    threads: (run) => count(run.progress?.threads),
    waiting: (run) => run.progress?.waiting ?? run.progress?.step ?? '',
    timeWent: (run) => run.timeWent?.[document.documentElement.lang.startsWith('zh') ? 'zh' : 'en'] ?? '',
  }

  function update(run) {
    const place = document.querySelector(`[data-run="${CSS.escape(run.runId)}"]`)
    if (!place) return
    for (const element of place.querySelectorAll('[data-live]')) {
      const name = element.dataset.live
      if (name === 'percent') {
        if (run.percent != null) element.value = run.percent
      } else element.textContent = shown[name](run)
    }
    if (place.id !== 'run' || !run.progress) return
    if (run.progress.tables) showTables(run.progress.tables)
    else drawSplits(run.progress)
    showTime(run)
    samples.push([run.progress.seconds, run.progress.rows, run.progress.bytes])
    plot()
  }

  let [reloading, asked] = [false, false]
  /** Makes the page anew, once for all that happens in a moment, and again for what happens meanwhile. */
  async function reload() {
    asked = true
    if (reloading) return
    reloading = true
    try {
      while (asked) {
        await new Promise((resolve) => setTimeout(resolve, 200))
        asked = false
        await renew()
      }
    } catch {
      // The server is away; its next event comes when it is back.
    } finally {
      reloading = false
    }
  }

  /** A run that is kept nowhere has ended: what was seen of it stays. */
  function gone() {
    const run = document.getElementById('run')
    if (run?.dataset.status !== 'running') return
    run.dataset.status = 'gone'
    for (const old of run.querySelectorAll('.acts, .facts .status')) old.replaceChildren()
    for (const old of run.querySelectorAll('[data-live=left], [data-live=waiting]')) old.textContent = ''
    say(run.dataset.gone)
  }

  const TELLING = ['id', 'name', 'href', 'data-path', 'data-body', 'aria-labelledby']
  /** What had the focus before its part was made anew without it. */
  let missed = null
  const content = document.getElementById('content')
  const nameOf = (element) =>
    [element.tagName, ...TELLING.map((name) => element.getAttribute(name))].join(' ')

  /** Whoever uses the keyboard stays where they were or, when that is gone, before what is there instead. */
  function replace(part, other) {
    const { activeElement: focused } = document
    if (focused !== content) missed = part.contains(focused) ? nameOf(focused) : null
    part.replaceWith(document.adoptNode(other))
    if (missed === null) return
    const again = [...other.querySelectorAll('a, button, [tabindex]')].find((one) => nameOf(one) === missed)
    if (again) missed = null
    ;(again ?? content).focus({ preventScroll: true })
  }

  /** The parts of the page that the server makes anew. */
  async function renew() {
    const response = await fetch(location.href)
    // Whose session has ended must not look at old numbers.
    if (response.status === 401) return location.reload()
    if (response.status === 404) return gone()
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
    for (const part of document.querySelectorAll('[data-reload]')) {
      const other = fresh.getElementById(part.id)
      if (!other || part.isEqualNode(other)) continue
      const { activeElement: focused } = document
      // A form that somebody fills in is left alone until then.
      if (part.contains(focused) && focused.matches('input, textarea')) {
        focused.addEventListener('blur', reload, { once: true })
        continue
      }
      if (part.id === 'run' && part.dataset.status === other.dataset.status) continue
      replace(part, other)
      if (part.id === 'run') begin()
    }
  }

  // --- plots

  let samples = []
  let chart = null

  /** Differences of neighbours, per second. */
  function rates(column) {
    return samples.map((sample, i) => {
      const before = samples[Math.max(0, i - 4)]
      const seconds = sample[0] - before[0]
      return seconds <= 0
        ? i === 0 && sample[0] > 0
          ? sample[column] / sample[0]
          : null
        : Math.max(0, (sample[column] - before[column]) / seconds)
    })
  }

  function plot() {
    const place = document.getElementById('plot')
    if (!place || typeof uPlot === 'undefined' || samples.length < 2) return
    const data = [
      samples.map(([seconds]) => seconds),
      rates(1),
      rates(2).map((rate) => (rate == null ? null : rate / 1e6)),
    ]
    if (chart && place.contains(chart.root)) {
      chart.setData(data)
      return
    }
    const ink = getComputedStyle(document.body).color
    const grid = { stroke: dark.matches ? '#444' : '#ddd', width: 1 }
    chart = new uPlot(
      {
        width: Math.max(280, place.clientWidth),
        height: 240,
        scales: { x: { time: false }, rows: {}, bytes: {} },
        axes: [
          { stroke: ink, grid, label: 's' },
          { stroke: ink, grid, scale: 'rows', label: 'rows/s', size: 80 },
          {
            stroke: ink,
            grid: { show: false },
            scale: 'bytes',
            side: 1,
            label: 'MB/s',
            size: 60,
            values: (_, ticks) => ticks.map((tick) => Number(tick.toPrecision(3))),
          },
        ],
        series: [
          { label: 's' },
          { label: 'rows/s', scale: 'rows', stroke: dark.matches ? '#7ab7ff' : '#0a58ca', width: 2 },
          {
            label: 'MB/s',
            scale: 'bytes',
            stroke: dark.matches ? '#ffb86b' : '#b45309',
            width: 2,
            dash: [6, 3],
          },
        ],
      },
      data,
      place,
    )
  }

  /** Where the time goes. */
  function showTime({ timeWent, progress: { spent } }) {
    const place = document.getElementById('time')
    if (!place || !spent) return
    place.hidden = timeWent == null
    for (const row of place.querySelectorAll('[data-phase]')) {
      const { seconds, alone } = spent.phases[row.dataset.phase]
      row.hidden = seconds === 0
      const [, all, only] = row.cells
      all.textContent = seconds.toFixed(seconds < 10 ? 2 : 1)
      only.textContent = alone.toFixed(alone < 10 ? 2 : 1)
      const bar = row.querySelector('progress')
      bar.max = Math.max(spent.inHand, 0.001)
      bar.value = seconds
    }
  }

  /** Those under way first, then those that ended last. */
  function showTables({ all, ended, shown: list }) {
    const place = document.getElementById('tables')
    const template = document.getElementById('table-row')
    if (!place || !template) return
    place.hidden = false
    document.getElementById('map')?.remove()
    const text = document.getElementById('tables-text')
    text.textContent = `${count(ended)} / ${count(all)} ${text.dataset.of}`
    const body = place.querySelector('tbody')
    const statuses = new Map(Object.entries(JSON.parse(place.dataset.statuses)))
    const rows = new Map([...body.rows].map((row) => [row.dataset.table, row]))
    list.forEach((table, i) => {
      const row = rows.get(table.table) ?? template.content.firstElementChild.cloneNode(true)
      rows.delete(table.table)
      showTable(row, table, statuses)
      if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] ?? null)
    })
    for (const row of rows.values()) row.remove()
  }

  function showTable(row, { table, status, rows, expected, step, splits, splitsDone, active }, statuses) {
    row.dataset.table = table
    row.querySelector('.name').textContent = table
    const badge = row.querySelector('.status')
    badge.textContent = statuses.get(status) ?? status.replaceAll('_', ' ')
    badge.className = `status ${status}`
    row.querySelector('.step').textContent = step ?? ''
    row.cells[2].textContent = count(rows)
    const bar = row.querySelector('progress')
    bar.setAttribute('aria-label', table)
    bar.max = Math.max(1, expected ?? 0, rows)
    if (status !== 'running' || expected != null) bar.value = rows
    else bar.removeAttribute('value')
    row.querySelector('.splits').textContent = splits === 0 ? '' : `${count(splitsDone)} / ${count(splits)}`
    drawMap(row.querySelector('canvas'), { splits: status === 'running' ? splits : 0, active }, 16, 4)
  }

  function drawSplits(progress) {
    const canvas = document.getElementById('splits')
    if (!canvas) return
    const active = drawMap(
      canvas,
      progress,
      Math.max(1, Math.floor(canvas.parentElement.clientWidth / 10)),
      20,
    )
    const begun = [...active.values()].filter(Boolean).length
    const text = document.getElementById('splits-text')
    text.textContent = `${count(progress.splitsDone)} ${text.dataset.done}, ${begun} ${text.dataset.active}, ${active.size - begun} ${text.dataset.waiting}`
    canvas.setAttribute('aria-label', text.textContent)
  }

  /** At most so many cells in each direction; returns which splits under way have begun. */
  function drawMap(canvas, progress, columns, lines) {
    const active = new Map(progress.active.map(([split, read, written]) => [split, read > 0 || written > 0]))
    const cell = 10
    const perCell = Math.max(1, Math.ceil(progress.splits / (columns * lines)))
    const cells = Math.ceil(progress.splits / perCell)
    canvas.width = Math.min(columns, cells) * cell
    canvas.height = Math.ceil(cells / columns) * cell
    const context = canvas.getContext('2d')
    const style = getComputedStyle(document.documentElement)
    for (let i = 0; i < cells; i++) {
      const states = Array.from({ length: perCell }, (_, k) => active.get(i * perCell + k))
      const name = states.includes(true) ? '--active' : states.includes(false) ? '--waiting' : '--done'
      context.fillStyle = style.getPropertyValue(name)
      context.fillRect((i % columns) * cell, Math.floor(i / columns) * cell, cell - 2, cell - 2)
    }
    return active
  }

  function begin() {
    const place = document.getElementById('plot')
    if (place) {
      samples = JSON.parse(place.dataset.samples)
      plot()
    }
    const canvas = document.getElementById('splits')
    const progress = canvas && JSON.parse(canvas.dataset.progress)
    if (progress) drawSplits(progress)
  }

  begin()
  const every = document.querySelector('[data-every]')?.dataset.every
  if (every) setInterval(reload, Number(every))
  if (document.querySelector('[data-reload]')) {
    const events = new EventSource('/api/v1/events')
    events.addEventListener('run', ({ data }) => update(JSON.parse(data)))
    events.addEventListener('changed', reload)
    // What has happened since the page was made, or while the server was away.
    events.addEventListener('open', reload)
    events.addEventListener('error', () => {
      if (events.readyState === EventSource.CLOSED) void reload()
    })
    addEventListener('pagehide', () => events.close())
  }
})()
