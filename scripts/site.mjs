// Makes site/: the pages of this repository as a static site, with a search that needs no server. `--dev` serves them while they are edited.
// VitePress is fetched from npm once, into a cache folder.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const VITEPRESS = '1.6.4'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const cache = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'rowshift',
  `vitepress-${VITEPRESS}`,
)
const source = join(cache, 'source')
/** Page of the repository, by its page of the site. */
const pages = new Map([
  ['README.md', 'index.md'],
  ['README.zh-CN.md', 'zh/index.md'],
  ...['CHANGELOG', 'CONTRIBUTING', 'SECURITY'].map((name) => [`${name}.md`, `${name.toLowerCase()}.md`]),
  ...pagesIn('docs').map((name) => [`docs/${name}`, name]),
  ...pagesIn('docs/zh').map((name) => [`docs/zh/${name}`, `zh/${name}`]),
  ['examples/account-migration/README.md', 'account-migration.md'],
])

const groups = [
  {
    title: { en: 'Use', zh: '使用' },
    names: [
      'databases',
      'incremental',
      'verify',
      'created-tables',
      'dirty-rows',
      'scheduling',
      'console',
      'many-machines',
      'reliability',
      'tuning',
    ],
  },
  {
    title: { en: 'Change rows', zh: '转换数据' },
    names: ['columns', 'ids-and-lookups', 'transforms', 'sharding', 'account-migration'],
  },
  {
    title: { en: 'Look up', zh: '查阅' },
    names: [
      'fidelity',
      'errors',
      'fine-print',
      'sessions',
      'postgresql',
      'benchmarks',
      'security',
      'changelog',
    ],
  },
  { title: { en: 'Extend', zh: '扩展' }, names: ['api', 'plugins', 'architecture', 'contributing'] },
]

fetchVitepress()
rmSync(source, { recursive: true, force: true })
for (const [from, to] of pages) {
  mkdirSync(dirname(join(source, to)), { recursive: true })
  writeFileSync(join(source, to), forSite(from, to))
}
cpSync('etc/params.schema.json', join(source, 'public/params.schema.json'))
writeFileSync(join(source, '.vitepress.json'), JSON.stringify(config(), null, 2))
mkdirSync(join(source, '.vitepress'))
writeFileSync(
  join(source, '.vitepress/config.mjs'),
  `import config from '../.vitepress.json' with { type: 'json' }\nexport default config\n`,
)
symlinkSync(join(cache, 'node_modules'), join(source, 'node_modules'), 'dir')
const command = process.argv.includes('--dev')
  ? ['dev']
  : ['build', source, '--outDir', join(process.cwd(), 'site')]
const program = join(cache, 'node_modules/vitepress/bin/vitepress.js')
const args = command[0] === 'dev' ? ['dev', source] : command
process.exitCode =
  spawnSync(process.execPath, [program, ...args], { stdio: 'inherit', cwd: source }).status ?? 1

function pagesIn(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.md'))
}

function fetchVitepress() {
  if (existsSync(join(cache, 'node_modules/vitepress/bin/vitepress.js'))) return
  process.stderr.write(`fetching VitePress ${VITEPRESS} into ${cache} (once) …\n`)
  mkdirSync(cache, { recursive: true })
  const flags = ['--no-save', '--no-audit', '--no-fund', '--global=false']
  const { status, stderr } = spawnSync(
    'npm',
    ['install', `vitepress@${VITEPRESS}`, '--prefix', cache, ...flags],
    {
      cwd: cache,
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`VitePress could not be fetched\n${stderr}`)
}

/** With links to pages of the site, and without what only GitHub shows; files that are no pages are named, not linked. */
function forSite(from, to) {
  const text = readFileSync(from, 'utf8').replace(/^\[(中文说明|English)\]\([^)]*\)\n/m, '')
  const parts = text.split(/(^```.*?^```)/gms)
  return parts.map((part, i) => (i % 2 === 1 ? part : escaped(relinked(part, from, to)))).join('')
}

function relinked(text, from, to) {
  return text.replaceAll(
    /(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)/g,
    (all, image, label, target, anchor = '') => {
      if (target === '' || /^[a-z]+:/.test(target)) return all
      const file = posix.normalize(posix.join(posix.dirname(from), target))
      if (image) return `![${label}](${published(file)})`
      if (file === 'etc/params.schema.json')
        return `<a href="/params.schema.json" target="_self">${label}</a>`
      const page = pages.get(file)
      if (!page) return label
      return `[${label}](${posix.relative(posix.dirname(to), page)}${anchor})`
    },
  )
}

/** What looks like a tag or a template of Vue's is text. */
function escaped(text) {
  const parts = text.split(/(`[^`\n]*`)/g)
  return parts.map((part, i) => (i % 2 === 1 ? code(part) : plain(part))).join('')
}

function plain(text) {
  return text.replaceAll(/<(?!!--|a href|\/a>|br>|kbd|\/kbd)/g, '&lt;').replaceAll('{{', '&#123;&#123;')
}

function code(text) {
  if (!text.includes('{{')) return text
  return `<code v-pre>${text.slice(1, -1).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</code>`
}

/** A picture, whose place is the same for all pages. */
function published(file) {
  const name = posix.basename(file)
  cpSync(file, join(source, 'public', name))
  return `/${name}`
}

function config() {
  const sidebar = { '/zh/': sidebarOf('zh'), '/': sidebarOf('en') }
  return {
    title: 'rowshift',
    description: 'Copies database tables, fast and exactly',
    cleanUrls: false,
    markdown: { languageAlias: { crontab: 'sh', jsonc: 'json' } },
    locales: { root: { label: 'English', lang: 'en' }, zh: { label: '中文', lang: 'zh-CN', link: '/zh/' } },
    themeConfig: { search: { provider: 'local' }, sidebar, outline: [2, 3] },
  }
}

/** Of a page that there is in English only, that one. */
function sidebarOf(language) {
  const titles = new Map(
    [...pages].map(([from, to]) => [
      to.replace(/\.md$/, ''),
      /^# (.*)$/m.exec(readFileSync(from, 'utf8'))?.[1] ?? to,
    ]),
  )
  const link = (name) => {
    const page = language === 'zh' && titles.has(`zh/${name}`) ? `zh/${name}` : name
    return { text: titles.get(page), link: `/${page}` }
  }
  const grouped = new Set([...groups.flatMap(({ names }) => names), 'index'])
  const others = [...titles.keys()].filter((name) => !name.startsWith('zh/') && !grouped.has(name))
  const more = others.length > 0 ? [{ title: { en: 'More', zh: '其他' }, names: others }] : []
  return [...groups, ...more].map(({ title, names }) => ({ text: title[language], items: names.map(link) }))
}
