// What takes input from outside, as the fuzzing program calls it. What comes back, or which RowshiftError, is of no account.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import file from '../../plugins/file/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'
import { misfit } from '../../src/wire/cell-syntax.js'
import { forEachRow } from '../../src/wire/each-row.js'
import { paramsFromOptions } from '../../src/task/params-options.js'
import { Config, connectionFromUrl, fromUrl } from '../../src/config/config.js'
import { redact } from '../../src/contract/errors.js'
import { oneTable } from '../../src/plan/described-tables.js'
import { mapColumns } from '../../src/plan/mapping.js'
import type { ReadSpec, TableSchema } from '../../src/contract/plugin.js'
import { parsePattern } from '../../src/features/shard/pattern.js'
import { withMode } from '../../src/task/params.js'
import { Database } from '../support/database.js'
import type { Random } from './random.js'
import { asJson, changed, json, mangled, text } from './random.js'

export interface Target {
  readonly name: string
  /** How often it is called, compared with the others. */
  readonly weight: number
  /** Throws a RowshiftError, or whatever a fault of the program throws. */
  readonly call: (random: Random) => unknown
}

const schema =
  readFileSync('etc/params.schema.json', 'utf8') + readFileSync('etc/db-config.schema.json', 'utf8')
/** Every word of the two schemas, and the names of the tables below. */
const NAMES = [
  ...new Set(schema.match(/(?<=")[\w-]+(?=")/g)),
  'id',
  'v',
  'd',
  'b',
  'n',
  's',
  '__proto__',
  'constructor',
]

const PARAMS = [
  { pk: 'id', worker_num: 2, read_batch: 10, where: 'id > 1', error_limit: { record: 1, percentage: 1.5 } },
  {
    columns: ['*', { from: 'v', to: 'v', trim: true, replace: { a: 'b' }, map: { a: 1 }, unmapped: 'keep' }],
  },
  { columns: ['id', { from: 'n', to: 'n', cast: 'decimal(9,2)', default: 0 }, { value: 1, to: 'v' }] },
  {
    columns: [
      { template: '{id}-{v}', to: 'v', mask: { keep_first: 1 } },
      { sql: 'id + 1', to: 'id' },
    ],
  },
  { columns: [{ from: 'id', to: 'id', lookup: { in: 'source', table: 't', key: 'id', value: 'n' } }] },
  { columns: [{ to: 'id', id: { type: 'snowflake', epoch: '2020-01-01T00:00:00Z', worker: 1 } }] },
  { shard: { by: 'id', hash: 'mod', database: { by: 'id', range: { from: 0, each: 10 } } } },
  { mode: 'increment', diff_column: { src: 'd', dest: 'd' }, lag: 1, overlap: 2, write_mode: 'upsert' },
]

const CONFIG = {
  task_meta: { db_type: 'sqlite', path: 'tasks.db' },
  from: { mysql: { a_b: { host: '${HOST}', user: 'APP_USER', password: 'x', db: 'd', port: 3306 } } },
  to: { sqlite: { a_b: { path: 'x.db' } } },
}

const URLS = [
  'mysql://user:p%40ss@127.0.0.1:3306/db?table=t&ssl-mode=required',
  'sqlite:folder/x.db?table=t',
  'file:///tmp/x.tsv?table=t',
  'mysql://u:${PW}@h:1/db_{0..3}?table=t_{a,b}',
]

const FILE = {
  format: 'rowshift-rows-1',
  columns: (['integer', 'decimal', 'datetime', 'text', 'bytes'] as const).map((kind, i) => ({
    name: `c${i}`,
    type: kind,
    kind,
    nullable: true,
    valueRange: { maxChars: 9 },
  })),
}

/** All targets; `folder` is theirs. */
export async function targets(folder: string): Promise<Target[]> {
  mkdirSync(folder, { recursive: true })
  const { reader, table } = await source(join(folder, 'source.db'))
  return [
    { name: 'params', weight: 30, call: (random) => withMode(paramsText(random), undefined) },
    { name: '--params and --param', weight: 20, call: options },
    {
      name: 'columns',
      weight: 12,
      call: (random) =>
        mapColumns(oneTable(reader, table), table, withMode(paramsText(random), undefined).columns),
    },
    { name: 'config', weight: 8, call: (random) => config(random, join(folder, 'etc')) },
    { name: 'URLs', weight: 16, call: urls },
    { name: 'patterns', weight: 6, call: (random) => parsePattern(mangled(random, random.pick(URLS))) },
    { name: 'row files', weight: 8, call: (random) => rowFile(random, join(folder, 'rows.tsv')) },
    { name: 'redact', weight: 4, call: secrets },
  ]
}

async function source(path: string) {
  rmSync(path, { force: true })
  const database = new Database(path)
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d DATETIME, b BLOB, n DECIMAL(9,2), s REAL)')
  database.close()
  const reader = sqlite.createReader!({ plugin: 'sqlite', connection: { path }, session: [] })
  await reader.connect()
  return { reader, table: await reader.describe('t') }
}

function paramsText(random: Random): string {
  if (random.once(10)) return text(random)
  if (random.once(3)) return asJson(json(random, NAMES))
  if (random.once(1500)) return manyEntries(random)
  const whole = asJson(changed(random, random.pick(PARAMS), NAMES))
  return random.once(10) ? mangled(random, whole) : whole
}

/** As many as no stack holds. */
function manyEntries(random: Random): string {
  const entries = Array.from({ length: 200_000 }, (_, i) => [`k${i}`, random.once(2) ? i : `v${i}`])
  const key = random.pick(['map', 'replace', 'columns', 'session'])
  if (key === 'session') return asJson({ session: entries.map(String) })
  if (key === 'columns') return asJson({ columns: entries.map(([name]) => ({ from: name, too: 1 })) })
  return asJson({ columns: [{ from: 'v', to: 'v', [key]: Object.fromEntries(entries) }] })
}

function options(random: Random): unknown {
  const pair = () =>
    `${random.list(4, () => (random.once(3) ? text(random) : random.pick(NAMES))).join('.')}=${asJson(json(random, NAMES, 2))}`
  return paramsFromOptions(random.once(2) ? undefined : paramsText(random), random.list(4, pair))
}

async function config(random: Random, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const whole = asJson(changed(random, CONFIG, NAMES))
  writeFileSync(join(folder, 'fuzz.json'), random.once(8) ? mangled(random, whole) : whole)
  const loaded = Config.load(folder, 'fuzz')
  const name = () => random.pick(['a', 'b', 'mysql', 'constructor', '__proto__', 'toString', text(random)])
  const use = random.below(3)
  if (use === 0) await loaded.taskStore()
  else if (use === 1) await loaded.named(`${random.pick(['from', 'to', name()])}.${name()}.${name()}`)
  else
    await loaded.connection(
      random.pick(['from', 'to']),
      random.pick(['mysql', 'sqlite', name()]),
      name(),
      name(),
    )
}

async function urls(random: Random): Promise<void> {
  const url = random.once(10) ? text(random) : mangled(random, random.pick(URLS))
  const { loaded, connection } = await (random.once(3)
    ? connectionFromUrl(url, '--x')
    : fromUrl(url, '--from'))
  loaded.plugin.describeConnection(connection)
}

async function rowFile(random: Random, path: string): Promise<void> {
  const described = random.once(2) ? FILE : changed(random, FILE, NAMES)
  const cell = () =>
    random.once(3) ? text(random) : random.pick(['1', '-1.5', '2024-05-01 10:00:00', '\\N', '7-2', '\\'])
  const line = () => Array.from({ length: random.once(9) ? random.below(10) : 8 }, cell).join('\t')
  const lines = random.list(4, line).map((each) => `${each}\n`)
  writeFileSync(path, random.once(9) ? mangled(random, lines.join('')) : lines.join(''))
  writeFileSync(`${path}.json`, asJson(described))
  const reader = file.createReader!({ plugin: 'file', connection: { path }, session: [] })
  try {
    await reader.connect()
    const table = await reader.describe('t')
    await readSoundly(
      reader.read(
        specOf(table),
        { index: 0, lower: null, upper: null },
        new AbortController().signal,
        () => {},
      ),
      table,
    )
  } finally {
    await reader.close()
  }
}

/** Every row that is not refused is what its columns say. */
async function readSoundly(
  batches: ReturnType<NonNullable<ReturnType<NonNullable<typeof file.createReader>>>['read']>,
  { columns }: TableSchema,
) {
  for await (const batch of batches) {
    let rows = 0
    forEachRow(batch, (cells) => {
      rows++
      if (cells.length !== columns.length || misfit(columns, cells))
        throw new Error('a row that is not sound was read')
    })
    if (rows !== batch.rows) throw new Error(`${rows} rows instead of ${batch.rows}`)
  }
}

function specOf(table: TableSchema): ReadSpec {
  return {
    table,
    columns: table.columns,
    key: null,
    splitRows: 1,
    batch: { bytes: 1000, rows: 10 },
    where: null,
    window: null,
  }
}

function secrets(random: Random): void {
  const secret = `s3cret${random.below(1e9)}`
  const noise = () => text(random).replaceAll(/[\s@]/g, '')
  const url = `mysql://user:${secret}${noise()}@host/${noise()}`
  if (redact(`${text(random)} ${url} ${text(random)}`).includes(secret))
    throw new Error(`not hidden in ${url}`)
}
