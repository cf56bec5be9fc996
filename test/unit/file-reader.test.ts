import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import file from '../../plugins/file/plugin.js'
import { checkCondition } from '../../src/plan/condition.js'
import { oneTable } from '../../src/plan/described-tables.js'
import type { Column, ColumnKind, ReadSpec, TableSchema } from '../../src/contract/plugin.js'
import { collect, draftPlan, failure, Fixture, NEVER, WHOLE } from './sqlite-fixture.js'

const REASON = 'DATA_REJECTED\tb\twhy \\\\ not'
const column = (name: string): Column => ({
  name,
  type: 'text',
  kind: 'text',
  nullable: true,
  hasDefault: false,
  generated: false,
  ordered: true,
  valueRange: {},
})
const pathOf = (url: string) => file.connectionFromUrl(new URL(url), url)['path']

describe('row file', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())
  let files = 0

  function write(
    rows: string,
    schema: unknown = { format: 'rowshift-rows-1', columns: ['a', 'b'].map(column) },
  ): string {
    const path = join(fixture.directory, `${++files}.tsv`)
    writeFileSync(path, rows)
    if (schema !== null)
      writeFileSync(`${path}.json`, typeof schema === 'string' ? schema : JSON.stringify(schema))
    return path
  }

  /** Reads all rows; `pick` chooses the columns. */
  async function read(
    path: string,
    change: (spec: ReadSpec) => ReadSpec = (spec) => spec,
    times = 1,
  ): Promise<string> {
    const reader = file.createReader!({ plugin: 'file', connection: { path }, session: [] })
    try {
      await reader.connect()
      const schema = await reader.describe('t')
      expect(schema.keys).to.deep.equal([])
      const spec = change(draftPlan(schema, schema).read)
      expect(await collect(reader.split(spec, () => 1, NEVER))).to.deep.equal([WHOLE])
      let text = ''
      for (let i = 0; i < times; i++) {
        const batches = await collect(reader.read(spec, WHOLE, NEVER))
        text = Buffer.concat(batches.map(({ bytes }) => bytes)).toString()
        expect(batches.reduce((sum, { rows }) => sum + rows, 0)).to.equal(text.split('\n').length - 1)
      }
      return text
    } finally {
      await reader.close()
    }
  }

  it('comes from a URL, with a relative path too', () => {
    expect(pathOf('file:dirty.tsv')).to.equal('dirty.tsv')
    expect(pathOf('file:../a/dirty%20%3F%23.tsv?table=t')).to.equal('../a/dirty ?#.tsv')
    expect(pathOf('file:/abs.tsv')).to.equal('/abs.tsv')
    expect(pathOf('file:///abs/中.tsv')).to.equal('/abs/中.tsv')
    for (const url of ['file:', 'file:folder/', 'file://host/x', 'file:x?mode=ro', 'file:x#y', 'file:%zz']) {
      expect(() => pathOf(url), url)
        .to.throw()
        .with.property('code', 'USAGE')
    }
  })

  it('gives the rows as they stand, without the reasons, again and again', async () => {
    const path = write(`1\t\\N\t${REASON}\na\\tb\\n\\\\\t\t${REASON}\n`)
    expect(await read(path, undefined, 2)).to.equal('1\t\\N\na\\tb\\n\\\\\t\n')
    expect(await read(write(''))).to.equal('')
  })

  it('gives the columns that are copied, in their order', async () => {
    const path = write(`1\t2\t${REASON}\n`)
    expect(await read(path, (spec) => ({ ...spec, columns: spec.columns.toReversed() }))).to.equal('2\t1\n')
    expect(await read(path, (spec) => ({ ...spec, columns: spec.columns.slice(1) }))).to.equal('2\n')
  })

  it('reads rows larger than its buffers, and many', async () => {
    const large = 'x'.repeat(5 << 20)
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i}\trow ${i}`)
    rows.splice(70, 0, `${large}\ty`, `z\t${large}`)
    const text = await read(write(rows.map((row) => `${row}\t${REASON}\n`).join('')))
    expect(text === rows.map((row) => `${row}\n`).join('')).to.equal(true)
  })

  it('refuses lines with other cells, and one without an end, by number', async () => {
    const good = `1\t2\t${REASON}\n`
    for (const [rows, words] of [
      [`${good}1\t${REASON}\n`, 'Line 2'],
      [`${good}${good}\n`, 'Line 3'],
      [`1\t2\t3\t${REASON}\n`, 'has 6 cells'],
      [`${good}1\t2\t${REASON}`, 'Line 2'],
    ] as const) {
      const error = await failure(read(write(rows)))
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.message).to.include(words)
    }
  })

  it('refuses cells that are not of their kind, and escapes that are none, by line and column', async () => {
    const kinds = (a: ColumnKind, b: ColumnKind) => ({
      format: 'rowshift-rows-1',
      columns: [
        { ...column('a'), kind: a },
        { ...column('b'), kind: b },
      ],
    })
    const schemas = { numbers: kinds('integer', 'decimal'), texts: kinds('text', 'date') }
    for (const [row, schema, words] of [
      ['7-2\t1', schemas.numbers, 'a (text) is "7-2", which is not an integer'],
      ['1\t(select 1)', schemas.numbers, 'which is not a decimal number'],
      ['1\tnan', schemas.numbers, 'which is not a decimal number'],
      ['1\t', schemas.numbers, 'b (text) is ""'],
      ['x\t20240501', schemas.texts, 'which is not a date'],
      ["\\'\t2024-05-01", schemas.texts, 'backslash'],
      ['\\Z\t2024-05-01', schemas.texts, 'backslash'],
      ['x\\\t2024-05-01', schemas.texts, 'backslash'],
      ['\\Nx\t2024-05-01', schemas.texts, 'backslash'],
      ['x\\N\t2024-05-01', schemas.texts, 'backslash'],
    ] as const) {
      const path = write(`\\N\t\\N\t${REASON}\n${row}\t${REASON}\n`, schema)
      const error = await failure(read(path))
      expect(error.code).to.equal('DATA_REJECTED')
      expect(error.message).to.include(`Line 2 of ${path}`).and.to.include(words)
    }
    expect(await read(write(`-1\t.5\t${REASON}\n`, schemas.numbers))).to.equal('-1\t.5\n')
    expect(await read(write(`\\\\\\t\\0'\t\\N\t${REASON}\n`, schemas.texts))).to.equal("\\\\\\t\\0'\t\\N\n")
  })

  it('refuses a file that is missing, or a schema that is missing or odd', async () => {
    expect(await failure(read('/nowhere/x.tsv'))).to.include({ code: 'TABLE_NOT_FOUND' })
    expect(await failure(read(fixture.directory))).to.include({ code: 'TABLE_NOT_FOUND' })
    const alone = write('', null)
    expect((await failure(read(alone))).message).to.include(`${alone}.json`)
    for (const schema of [
      '{oops',
      '[]',
      {},
      { format: 'rowshift-rows-1', columns: [] },
      { format: 'x', columns: [column('a')] },
      ...[
        { kind: 'number' },
        { kind: '__proto__' },
        { valueRange: { scale: '2' } },
        { valueRange: { min: 'x' } },
        { valueRange: { characters: {} } },
        { valueRange: null },
        { name: 7 },
        { collation: 7 },
      ].map((odd) => ({ format: 'rowshift-rows-1', columns: [{ ...column('a'), ...odd }] })),
      { format: 'rowshift-rows-1', columns: [column('a'), column('A')] },
    ]) {
      expect(await failure(read(write('', schema)))).to.include({ code: 'CONFIG_INVALID' })
    }
    const reader = file.createReader!({ plugin: 'file', connection: { path: alone }, session: [] })
    const tables = oneTable(reader, { table: alone } as TableSchema)
    const refused = await failure(checkCondition(tables, 'a = 1'))
    expect(refused).to.include({ code: 'PARAMS_INVALID' })
  })
})
