// What the pages say about each other: links lead somewhere, and each Chinese page says the same as the English one in the same order.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { describe, it } from 'mocha'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const pagesIn = (folder: string) =>
  readdirSync(join(root, folder)).flatMap((name) => (name.endsWith('.md') ? [join(folder, name)] : []))
const chinesePages = pagesIn('docs/zh')
const pages = [
  ...pagesIn('.'),
  ...pagesIn('docs'),
  ...chinesePages,
  'examples/account-migration/README.md',
  'test/cases/README.md',
]

const read = (page: string) => readFileSync(join(root, page), 'utf8')
/** Code is no text: what looks like a link there is none. */
const prose = (text: string) => text.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '')

/** As GitHub makes them of headings. */
function anchors(page: string): Set<string> {
  const headings = read(page)
    .replaceAll(/^```.*?^```/gms, '')
    .matchAll(/^#+ (.*)$/gm)
  const known = new Map<string, number>()
  const found = new Set<string>()
  for (const [, heading] of headings) {
    const slug = heading!
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{Letter}\p{Mark}\p{Number}\p{Connector_Punctuation} -]/gu, '')
      .replaceAll(' ', '-')
    const count = known.get(slug) ?? 0
    known.set(slug, count + 1)
    found.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return found
}

describe('the pages', () => {
  for (const page of pages) {
    it(`${page}: every link leads to a file and a heading that exist`, () => {
      const links = [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
      const broken = links.filter((target) => {
        if (/^[a-z]+:/.test(target)) return false
        const [path, anchor] = target.split('#') as [string, string?]
        const file = path === '' ? page : relative(root, join(root, dirname(page), path))
        if (!existsSync(join(root, file))) return true
        return anchor !== undefined && file.endsWith('.md') && !anchors(file).has(decodeURI(anchor))
      })
      expect(broken).to.deep.equal([])
    })
  }

  it('every page of docs/ can be found from the README', () => {
    const linked = new Set([...read('README.md').matchAll(/\]\((docs\/[\w-]+\.md)/g)].map(([, page]) => page))
    expect(pagesIn('docs').filter((page) => !linked.has(page))).to.deep.equal([])
  })
})

for (const page of ['README.zh-CN.md', ...chinesePages])
  describe(page, () => {
    const chinese = shapeOf(page)
    const english = shapeOf(inEnglish(page))

    it('has the sections of the English page', () => {
      expect(chinese.headings).to.deep.equal(english.headings)
    })

    it('has its tables: as many rows and columns, the same code in the first column', () => {
      expect(chinese.tables).to.deep.equal(english.tables)
    })

    it('has its commands and code, but for what comments say', () => {
      expect(chinese.blocks).to.deep.equal(english.blocks)
    })

    it('has its links to pages', () => {
      expect(chinese.links).to.have.members(english.links)
    })
  })

function inEnglish(page: string): string {
  return page.replace('docs/zh/', 'docs/').replace('.zh-CN.md', '.md')
}

/** Without what a program writes into the English page only, to which the Chinese one links. */
function shapeOf(page: string) {
  const text = read(page).replaceAll(/^<!-- faults: .*?^<!-- \/faults -->$/gms, '')
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language, code]) => ({
    language,
    code: code!
      .split('\n')
      .map((line) => line.replace(/(^|\s+)(#|\/\/)\s.*$/, ''))
      .map((line) => line.replace(/;\s\s.*$/, '')),
  }))
  const bare = text.replaceAll(/^```.*?^```/gms, '')
  const tables = [...bare.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => {
    const rows = table.trim().split('\n')
    const cells = rows.map((row) => row.replaceAll(/`[^`]*`|\\\|/g, 'x').split('|').length - 2)
    const names = rows
      .slice(2)
      .map((row) => [...row.split('|')[1]!.matchAll(/`([^`]*)`/g)].map(([, code]) => code))
    return { cells, names }
  })
  const linked = [...prose(text).matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => inEnglish(join(dirname(page), target)))
  return {
    headings: [...bare.matchAll(/^(#+) /gm)].map(([, level]) => level),
    tables,
    blocks,
    links: [...new Set(linked)].filter((file) => file !== inEnglish(page)),
  }
}
