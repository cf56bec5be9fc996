// The manual page, `bundle/rowshift.1`, made of what the commands themselves say with --help.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const EXIT_CODES = [
  ['0', 'success'],
  ['1', 'the run failed; splits that were committed stay'],
  ['2', 'usage, configuration or tables are not as they must be; nothing was written'],
  ['3', 'refused, because data would be lost'],
  ['4', 'source and target differ'],
  ['130', 'interrupted'],
]

const top = sections(help([]))
const commands = entries(top.Commands).map(({ term, text }) => ({
  name: term.split(' ')[1],
  synopsis: term,
  text,
}))
/** A command that has none of its own. */
const shared = entries(sections(help(['completion'])).Options)
const sharedTerms = new Set(shared.map(({ term }) => term))
const page = [
  `.TH ROWSHIFT 1 "" "rowshift ${version}" "User Commands"`,
  '.SH NAME',
  'rowshift \\- copies database tables, fast and exactly',
  '.SH SYNOPSIS',
  '.B rowshift',
  '.I command',
  '.RI [ options ]',
  '.SH OPTIONS OF EVERY COMMAND',
  ...list(shared),
  '.SH COMMANDS',
  ...commands.flatMap(commandPart),
  '.SH EXAMPLES',
  ...examples(top.Examples),
  '.SH EXIT STATUS',
  ...EXIT_CODES.flatMap(([code, text]) => ['.TP', `.B ${code}`, escaped(text)]),
  '.SH FILES',
  '.TP',
  '.I etc/<env>.json, etc/db_global.json',
  'Where the task table and the databases are; \\-c names another folder.',
]
writeFileSync('bundle/rowshift.1', `${page.join('\n')}\n`)

function commandPart({ name, synopsis, text }) {
  const parts = name === 'help' ? {} : sections(help([name]))
  const own = entries(parts.Options).filter(({ term }) => !sharedTerms.has(term))
  return [
    `.SS ${escaped(synopsis)}`,
    `${escaped(text)}.`,
    ...list([...entries(parts.Positionals), ...own]),
    ...examples(parts.Examples ?? []),
  ]
}

function help(command) {
  const args = ['bundle/src/cli/main.js', ...command, '--help']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`rowshift ${command.join(' ')} --help failed\n${stderr}`)
  return stdout
}

/** `Options:`, with the lines below. */
function sections(text) {
  const parts = {}
  let lines = []
  for (const line of text.split('\n')) {
    const title = /^([A-Z]\w+):$/.exec(line)?.[1]
    if (title) parts[title] = lines = []
    else if (line.trim() !== '') lines.push(line)
  }
  return parts
}

/** Lines of three columns, the last in brackets; what does not fit into a column goes on in the next line. */
function entries(lines = []) {
  const found = []
  for (const line of lines) {
    const [, body, brackets = ''] = /^(.*?)(?:\s{2,}(\[.*))?$/.exec(line)
    const [, term, text = ''] = /^\s{2,8}(\S.*?)(?:\s{2,}(.*))?$/.exec(body) ?? []
    if (term && !/^\s{12}/.test(line)) found.push({ term, text, brackets })
    else {
      const last = found.at(-1)
      last.text = `${last.text} ${body.trim()}`.trim()
      last.brackets = `${last.brackets} ${brackets}`.trim()
    }
  }
  return found
}

function list(of) {
  return of.flatMap(({ term, text, brackets }) => {
    const facts = brackets
      .replaceAll(/\[(string|boolean|number|array)\]\s*|\[default: (false|\[\])\]/g, '')
      .trim()
    return ['.TP', `.B ${escaped(term)}`, escaped(`${text} ${facts}`.trim())]
  })
}

/** `# what it is for`, and below it the line. */
function examples(lines) {
  return lines.flatMap((line) => {
    const text = line.trim()
    return text.startsWith('# ') ? ['.PP', escaped(`${text.slice(2)}:`)] : ['.br', `.B ${escaped(text)}`]
  })
}

function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1')
}
