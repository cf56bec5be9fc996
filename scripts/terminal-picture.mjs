// docs/terminal.svg, from a real run: a copy that is killed with SIGKILL, goes on, and is compared. Takes the URLs of a large source table and of a
// target that does not exist: `node scripts/terminal-picture.mjs FROM TO`. Needs `script` of util-linux for a terminal.
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const COLUMNS = 108
const ESCAPE = String.fromCharCode(27)
const [, , from, to] = process.argv
const env = { ...process.env, FROM: from, TO: to, TERM: 'xterm' }
const lines = []

await step('rowshift copy --from "$FROM" --to "$TO" --create', 40)
await step('rowshift resume latest --from "$FROM" --to "$TO" --param schema_save_mode=create_when_not_exist')
await step('rowshift verify --from "$FROM" --to "$TO"')
writeFileSync('docs/terminal.svg', picture())

/** Runs a command in a terminal, and kills it once the bar has come to so many percent. */
async function step(command, killAt = Infinity) {
  lines.push({ text: `$ ${command}`, kind: 'command' })
  const real = command.replace(/^rowshift/, `exec ${process.execPath} bundle/src/cli/start.js`)
  const child = spawn('script', ['-qefc', `stty cols ${COLUMNS} rows 40; ${real}`, '/dev/null'], { env })
  let output = ''
  let killed = null
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += chunk
    const percent = Number([...output.matchAll(/(\d+) ?%/g)].at(-1)?.[1] ?? 0)
    if (killed !== null || percent < killAt) continue
    killed = spawnSync('pgrep', ['-P', child.pid], { encoding: 'utf8' }).stdout.trim()
    process.kill(Number(killed), 'SIGKILL')
  }
  const shown = withoutPlan(screen(output).filter((line) => !/^Session terminated|^Killed/.test(line)))
  lines.push(...shown.map((text) => ({ text, kind: 'output' })))
  if (killed !== null)
    lines.push({ text: `[1]+  Killed    (kill -9 ${killed}, in another terminal)`, kind: 'killed' })
  lines.push({ text: '', kind: 'output' })
}

/** What the terminal shows at the end: progress bars write one line again and again. */
function screen(output) {
  const rows = [[]]
  let column = 0
  for (const [token] of output.replaceAll(ESCAPE, '␛').matchAll(/␛\[[\d;?]*[A-Za-z]|␛.|[^]/gu)) {
    const row = rows.at(-1)
    if (token === '\r') column = 0
    else if (token === '\n') column = rows.push([]) && 0
    else if (/^␛\[0?K$/.test(token)) row.length = Math.min(row.length, column)
    else if (/^␛\[\d*G$/.test(token)) column = Math.max(0, Number(token.slice(2, -1) || 1) - 1)
    else if (!token.startsWith('␛')) row[column++] = token
  }
  return rows
    .map((row) =>
      Array.from(row, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    )
    .filter((line) => line !== '')
}

/** The plan is longer than a picture: its first lines stand for it. */
function withoutPlan(all) {
  const isPlan = (line) => /^(mode|columns|create|reason|warning) |^ {9}/.test(line)
  const first = all.findIndex(isPlan)
  const kept = all.filter((line) => !isPlan(line))
  return first < 0
    ? kept
    : kept.toSpliced(first, 0, '…        (the plan: columns, key, sizes, and the reasons)')
}

function picture() {
  const rows = lines.slice(0, -1).flatMap(wrapped)
  const size = { line: 19, left: 18, top: 46 }
  const height = size.top + rows.length * size.line + 12
  const width = Math.round(COLUMNS * 7.83 + 2 * size.left)
  const colours = { command: '#ffffff', output: '#b8c4ce', killed: '#ff8272' }
  const text = rows.map(
    (row, i) =>
      `<text x="${size.left}" y="${size.top + i * size.line}" fill="${colours[row.kind]}"${row.kind === 'command' ? ' font-weight="bold"' : ''} xml:space="preserve">${escaped(row.text)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A copy that is killed, goes on where it stopped, and is compared">
<rect width="${width}" height="${height}" rx="8" fill="#1b2127"/>
<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/><circle cx="60" cy="18" r="6" fill="#28c840"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">
${text.join('\n')}
</g>
</svg>
`
}

function wrapped({ text, kind }) {
  const parts = text.match(new RegExp(`.{1,${COLUMNS}}`, 'gu')) ?? ['']
  return parts.map((part) => ({ text: part, kind }))
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
