import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import { RawRows } from '../../src/wire/raw-rows.js'
import { readRowName, rowName } from '../../src/wire/row-name.js'
import { judge } from '../../src/plan/fidelity.js'
import { noneConnected, type SplitResult } from '../../src/engine/messages.js'
import type { Batch, Column, Endpoint } from '../../src/contract/plugin.js'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { producedColumn } from '../../src/contract/pipeline.js'
import { CopyThread } from '../../workers/copy-thread.js'
import type { PipelineSink } from '../../workers/column-producer.js'
import { Pipeline } from '../../workers/row-pipeline.js'
import { Database } from '../support/database.js'
import {
  batch,
  collect,
  draftPlan,
  Fixture,
  makePlan,
  NEVER,
  openReader,
  openWriter,
  WHOLE,
} from './sqlite-fixture.js'

const LONG = 'x'.repeat(100)
const sink: PipelineSink = {
  split: 0,
  filtered: () => expect.fail('no row is left out'),
  added: () => expect.fail('no row is added'),
  missing: () => expect.fail('no key is missing'),
  reject: () => expect.fail('no row is refused'),
}

describe('pipeline', () => {
  const fixture = new Fixture()
  after(() => fixture.remove())

  it('permutes, drops and repeats cells as they stand, escapes and all', async () => {
    const pipeline = await openPipeline(['a', 'b', 'c', 'd'], ['d', 'a', 'b', 'b'])
    const rows = await texts(
      pipeline.apply(batch('1\t\\N\tdropped\tx\\ty', '\t\\\\N\t\t', `${LONG}\t2\t3\t${LONG}`), sink),
    )
    expect(rows).to.deep.equal([`x\\ty\t1\t\\N\t\\N\n\t\t\\\\N\t\\\\N\n${LONG}\t${LONG}\t2\t2\n`])
    expect(await texts(pipeline.apply(batch('1\t2\t3\t4'), sink)), 'and again').to.deep.equal([
      '4\t1\t2\t2\n',
    ])
    await pipeline.close()
  })

  it('makes more batches where rows grow, and forgets those of a split that was given up', async () => {
    const pipeline = await openPipeline(['a'], ['a', 'a', 'a'], 64)
    const wide = () => batch(...Array.from({ length: 10 }, (_, i) => `${i}${'y'.repeat(20)}`))
    for await (const first of pipeline.apply(wide(), sink)) {
      expect(first.rows).to.be.lessThan(10)
      break
    }
    const rows = (await texts(pipeline.apply(wide(), sink))).join('')
    const row = (i: number) => Array.from({ length: 3 }, () => `${i}${'y'.repeat(20)}`).join('\t')
    expect(rows.trimEnd().split('\n')).to.deep.equal(Array.from({ length: 10 }, (_, i) => row(i)))
  })

  it('takes no batch whose cells do not add up', () => {
    expect(() => new RawRows(2).take(batch('1\t2\t3'))).to.throw('a batch of 1 rows has not 2 cells')
  })

  it('promises of a made value only what the target asks of it', async () => {
    const plan = await planOf(['id', 'v', 'extra'], ['v', 'id'])
    const [v, id] = plan.write.columns
    expect(judge(producedColumn(id!.target), id!.target), 'NOT NULL').to.include({ conversion: 'checked' })
    const narrow = { ...v!.target, valueRange: { maxChars: 3 } }
    expect(judge(producedColumn(narrow), narrow)).to.include({ conversion: 'checked' })
  })

  it('names a row by its new key where the old one is replaced', async () => {
    const plan = await planOf(['id', 'v'], ['v', 'id'])
    const { write } = plan
    const cells = [Buffer.from('seven'), Buffer.from('7')]
    expect(rowName(write, cells)).to.deep.equal(['id = "7"'])
    expect(readRowName(plan, [cells[1]!, cells[0]!]), 'as it was read').to.deep.equal(['id = "7"'])
    const idColumn = { ...write.columns[1]!, computedBy: 'id' } as const
    const table = { ...write.table, keys: [{ ...write.table.keys[0]!, columns: ['v'] }] }
    expect(rowName({ ...write, table, columns: [write.columns[0]!, idColumn] }, cells)).to.deep.equal([
      'v = "seven"',
    ])
  })

  it('stands between reader and writer', async () => {
    const from = fixture.create(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL)',
      (database) => {
        const insert = database.prepare('INSERT INTO t VALUES (?, ?, ?, ?)')
        for (let i = 1; i <= 500; i++)
          insert.run(i, i % 7 === 0 ? null : `a\t${i}\\N`, Buffer.from([0, 9, 10, i % 256]), i / 3)
      },
    )
    const to = fixture.create('CREATE TABLE t (c REAL, id INTEGER PRIMARY KEY, b BLOB)')
    const result = await copyPipelined(from, to, ['id', 'a', 'b', 'c'], ['c', 'id', 'b'])
    expect(result).to.deep.include({ outcome: 'copied' })
    const counts = { rowsRead: 500, rowsWritten: 500, rowsFiltered: 0, rowsAdded: 0, dirtyRows: 0 }
    expect(result).to.have.property('counts').that.includes(counts)
    const database = new Database(to, { readOnly: true })
    database.prepare('ATTACH ? AS source').run(from)
    const columns = 'id, hex(b), typeof(c), c'
    const left = database
      .prepare(`SELECT ${columns} FROM source.t EXCEPT SELECT ${columns} FROM main.t`)
      .all()
    database.close()
    expect(left).to.deep.equal([])
  })

  it('has the number of its thread, however often it is opened, and a thread that cannot open has closed', async () => {
    const path = fixture.create('CREATE TABLE t (a TEXT)')
    const [reader, writer] = [openReader(path), openWriter(path)]
    await Promise.all([reader.connect(), writer.connect()])
    const columns = (await reader.describe('t')).columns
    const plan = withPipeline(await makePlan(reader, writer, 't', 't'), columns, ['a'])
    await Promise.all([reader.close(), writer.close()])
    const threads = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
    const said: string[] = []
    const copier = new CopyThread(
      {
        source: [end(`${path}/nothing-is-here`)],
        target: [end(path)],
        control: '',
        connected: noneConnected(),
      },
      ({ type }) => said.push(type),
      async () => ({ runId: '', plan, dirty: null, pipeline: { endpoints: {}, lookups: {}, threads } }),
    )
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await copier.run({ ...WHOLE, run: '' })).to.include({ outcome: 'failed' })
    }
    await copier.close()
    expect(threads[0]).to.equal(1)
    expect(said).to.deep.equal(Array.from({ length: 3 }, () => ['opened', 'closed']).flat())
  })

  /** A plan that reads and writes columns of these names. */
  async function planOf(reads: readonly string[], writes: readonly string[]): Promise<RunPlan> {
    const ddl = (names: readonly string[]) =>
      `CREATE TABLE t (${names.map((name) => `${name} ${name === 'id' ? 'INTEGER PRIMARY KEY' : 'TEXT'}`).join(', ')})`
    const reader = openReader(fixture.create(ddl(reads)))
    const writer = openWriter(fixture.create(ddl([...new Set(writes)])))
    try {
      await Promise.all([reader.connect(), writer.connect()])
      const [source, target] = [await reader.describe('t'), await writer.describe('t')]
      return withPipeline(draftPlan(target, target), source.columns, writes)
    } finally {
      await Promise.all([reader.close(), writer.close()])
    }
  }

  async function openPipeline(
    reads: readonly string[],
    writes: readonly string[],
    bytes = 1 << 16,
  ): Promise<Pipeline> {
    const plan = await planOf(reads, writes)
    const pipeline = await Pipeline.open(
      { plan: { ...plan, read: { ...plan.read, batch: { bytes, rows: 1000 } } }, runId: '', pipeline: null },
      NEVER,
    )
    return pipeline!
  }

  async function copyPipelined(
    from: string,
    to: string,
    reads: readonly string[],
    writes: readonly string[],
  ): Promise<SplitResult> {
    const reader = openReader(from)
    const writer = openWriter(to)
    await Promise.all([reader.connect(), writer.connect()])
    const source = await reader.describe('t')
    const target = await writer.describe('t')
    const plain = await makePlan(reader, writer, 't', 't')
    await Promise.all([reader.close(), writer.close()])
    const read = reads.map((name) => source.columns.find((column) => column.name === name)!)
    const columns = writes.map((name, i) => ({
      source: read.find((column) => column.name === name)!,
      target: target.columns[i]!,
      check: { conversion: 'exact', why: '' } as const,
    }))
    const plan = withPipeline({ ...plain, write: { ...plain.write, columns } }, read, writes)
    const copier = new CopyThread(
      { source: [end(from)], target: [end(to)], control: '', connected: noneConnected() },
      () => {},
      async () => ({ runId: '', plan, dirty: null, pipeline: null }),
    )
    try {
      return await copier.run({ ...WHOLE, run: '' })
    } finally {
      await copier.close()
    }
  }
})

function withPipeline(plan: RunPlan, reads: readonly Column[], writes: readonly string[]): RunPlan {
  const cells = writes.map((name) => {
    const at = reads.findIndex((column) => column.name === name)
    return { type: 'read', name, column: reads[at]!, at } as const
  })
  return {
    ...plan,
    read: { ...plan.read, columns: reads },
    pipeline: { reads, values: [], cells, transform: null },
  }
}

function end(path: string): Endpoint {
  const plugin = new URL('../../plugins/sqlite/plugin.js', import.meta.url).href
  return { plugin, connection: { path }, session: [] }
}

async function texts(batches: AsyncIterable<Batch>): Promise<string[]> {
  return (await collect(batches)).map(({ bytes }) => bytes.toString())
}
