// A plugin in a package of its own, which imports rowshift/plugin alone, used as its users would.
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import type { RunReport } from '../../src/index.js'
import { describeSink, describeSource } from '../../src/testing.js'
import { runCli, server, type CliResult } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'
import { sqliteRows } from '../support/sqlite.js'
import { csvName, csvRows, installCsvPlugin, makeCsv, project, write } from '../support/third-party.js'

const plugin = await installCsvPlugin()
const kinds = [
  'integer',
  'decimal',
  'float',
  'boolean',
  'text',
  'json',
  'date',
  'time',
  'datetime',
  'instant',
] as const

const suite = {
  plugin,
  kinds,
  keys: false,
  make: async (table: Parameters<typeof makeCsv>[0]) => makeCsv(table),
  rows: async ({ name }: { name: string }) =>
    csvRows(readFileSync(join(project, `data/${name}.csv`), 'utf8')),
  rejected: { kind: 'integer', value: 'seven' },
} as const

describe('conformance of a CSV folder', () => {
  describeSource('CSV folder', suite, { describe, it })
  describeSink('CSV folder', suite, { describe, it })
})

const cli = (...args: string[]): Promise<CliResult> => runCli(args, { cwd: project })
const csv = (table: string, more = '') => `${csvName}:data?table=${table}${more}`
const succeed = async (...args: string[]): Promise<string> => {
  const result = await cli(...args)
  expect(result.code, result.stderr).to.equal(0)
  return result.stdout
}
const report = async (...args: string[]) => JSON.parse(await succeed(...args, '--json')) as RunReport

const ODD = `id,name,price,at\r
1,plain,1.50,2024-02-29 23:59:59.123456\r
2,"quotes "" and, commas",-0.05,1000-01-01 00:00:00\r
3,"two\r\nlines",,\r
4,"",0,9999-12-31 23:59:59\r
5,,9999999.99,\r
9007199254740993,grüße 中文 🙂 \\N \\ tab\t,1,2024-01-01 00:00:00\r
`
const TYPES = '&types=odd.id:integer+not+null,odd.price:decimal,odd.at:datetime'
const CREATE = `CREATE TABLE odd (id BIGINT PRIMARY KEY, name VARCHAR(50) CHARACTER SET utf8mb4, price DECIMAL(9,2), at DATETIME(6))`
/** The same rows, as SQL says them. */
const WANTED = [
  ['1', hex('plain'), '1.50', '2024-02-29 23:59:59.123456'],
  ['2', hex('quotes " and, commas'), '-0.05', '1000-01-01 00:00:00.000000'],
  ['3', hex('two\r\nlines'), null, null],
  ['4', '', '0.00', '9999-12-31 23:59:59.000000'],
  ['5', null, '9999999.99', null],
  ['9007199254740993', hex('grüße 中文 🙂 \\N \\ tab\t'), '1.00', '2024-01-01 00:00:00.000000'],
]

function hex(text: string): string {
  return Buffer.from(text).toString('hex').toUpperCase()
}

describe('the types of the package', () => {
  it('are all that a plugin in TypeScript and one in JavaScript need', () => {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      strictNullChecks: false,
      useUnknownInCatchVariables: false,
      noImplicitAny: false,
      noEmit: true,
      allowJs: true,
      checkJs: true,
      // Also the declarations of rowshift itself.
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(project, 'node_modules/rowshift/node_modules/@types')],
    }
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['own.ts', 'csv/index.js'] }))
    write(
      'own.ts',
      `import { BatchBuilder, type Plugin, RowshiftError, splitByKey } from 'rowshift/plugin'
import { describeSource, type SourceSuite } from 'rowshift/testing'
declare const plugin: Plugin
const suite: SourceSuite = { plugin, kinds: ['text'], make: async (table) => ({ path: table.name }) }
export const uses = [BatchBuilder, RowshiftError, splitByKey, () => describeSource('own', suite)]
`,
    )
    cpSync(join(project, 'node_modules', csvName), join(project, 'csv'), { recursive: true })
    const compiler = join(project, 'node_modules/rowshift/node_modules/typescript/bin/tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' })
    expect(status, stdout).to.equal(0)
  })
})

describe('a CSV folder, by the command line', () => {
  it('imports nothing of rowshift but rowshift/plugin', () => {
    const folder = join(project, 'node_modules', csvName)
    const files = readdirSync(folder).filter((name) => name.endsWith('.js'))
    const imported = files.flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/from '([^']+)'/g)].map(([, from]) => from!),
    )
    const others = imported.filter((from) => !/^(node:|\.\/)/.test(from))
    expect([...new Set(others)]).to.deep.equal(['rowshift/plugin'])
  })

  let mariadb: TestDatabase
  let mysql: TestDatabase
  before(async () => {
    mariadb = await TestDatabase.create(server('mariadb'), CREATE)
    mysql = await TestDatabase.create(server('mysql'))
    write('data/odd.csv', ODD)
  })
  const odd = (db: TestDatabase) => db.query('SELECT id, HEX(name), price, at FROM odd ORDER BY id')

  it('is copied into a database and compared with it', async () => {
    const endpoints = ['--from', csv('odd', TYPES), '--to', mariadb.url('odd')]
    expect((await report('copy', ...endpoints)).rowsWritten).to.equal(6)
    expect(await odd(mariadb)).to.deep.equal(WANTED)
    await succeed('verify', ...endpoints)
    await mariadb.query("UPDATE odd SET name = 'Plain' WHERE id = 1")
    const compared = await cli('verify', ...endpoints)
    expect(compared.code, compared.stderr).to.equal(4)
  })

  it('takes a table that many threads write, and gives it back as it was', async () => {
    await mysql.query(`CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(100), n DECIMAL(20,5));
      SET SESSION cte_max_recursion_depth = 20000;
      INSERT INTO src WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 12000)
        SELECT i, IF(i % 7 = 0, NULL, CONCAT('"v', i, IF(i % 5 = 0, CONCAT(CHAR(13), CHAR(10), ','), ''))), i / 7 FROM s;
      CREATE TABLE back LIKE src`)
    const params = JSON.stringify({ worker_num: 3, read_batch: 500 })
    const copied = await report(
      'copy',
      '--from',
      mysql.url('src'),
      '--to',
      csv('src'),
      '--create',
      '--params',
      params,
    )
    expect([copied.rowsWritten, copied.splits > 10]).to.deep.equal([12_000, true])
    await succeed(
      'copy',
      '--from',
      csv('src', '&types=src.id:integer+not+null,src.n:decimal'),
      '--to',
      mysql.url('back'),
    )
    await mysql.expectEqual('src', 'back')
    await succeed(
      'verify',
      '--from',
      mysql.url('src'),
      '--to',
      csv('src', '&types=src.id:integer+not+null,src.n:decimal'),
    )
  })

  it('is written by a write path of its own, which reports show', async () => {
    await mysql.query('CREATE TABLE few (id INT PRIMARY KEY); INSERT INTO few VALUES (1), (2), (3)')
    write('data/few.csv', 'id\r\n0\r\n')
    const swapped = await report(
      'copy',
      '--from',
      mysql.url('few'),
      '--to',
      csv('few'),
      '--param',
      'write_path=swap',
    )
    expect(swapped).to.include({ rowsWritten: 3, writePath: 'swap' })
    expect(csvRows(readFileSync(join(project, 'data/few.csv'), 'utf8'))).to.deep.equal([
      ['0'],
      ['1'],
      ['2'],
      ['3'],
    ])
    const own = await report(
      'copy',
      '--from',
      mysql.url('few'),
      '--to',
      csv('few'),
      '--param',
      'write_path=auto',
    )
    expect(own.writePath).to.equal('append')
  })

  it('gives threads a snapshot by its token', async () => {
    const path = join(project, 'data')
    write('data/moment.csv', 'id\r\n1\r\n2\r\n')
    const readers = [0, 1].map(() =>
      plugin.createReader!({ plugin: csvName, connection: { path }, session: [] }),
    )
    const [one, other] = readers
    const { signal } = new AbortController()
    const begun = await one!.skills.snapshot!.begin(['moment'], signal)
    write('data/moment.csv', 'id\r\n3\r\n')
    await other!.skills.snapshot!.join(begun.token)
    await begun.release()
    const table = await other!.describe('moment')
    const spec = { table, columns: table.columns, key: null, splitRows: 1, where: null, window: null }
    const rows: string[] = []
    const limits = { bytes: 1 << 16, rows: 100 }
    for await (const { bytes } of other!.read(
      { ...spec, batch: limits },
      { index: 0, lower: null, upper: null },
      signal,
    ))
      rows.push(bytes.toString())
    expect(rows.join('')).to.equal('1\n2\n')
    for (const reader of readers) await reader.close()
    const params = ['--param', 'consistency=snapshot', '--create']
    const copied = await report(
      'copy',
      '--from',
      csv('moment'),
      '--to',
      'sqlite:moment.db?table=moment',
      ...params,
    )
    expect(copied).to.include({ rowsWritten: 1, consistency: 'snapshot' })
    expect(readdirSync(path).filter((name) => name.includes('snapshot'))).to.deep.equal([])
  })

  it('is copied into SQLite, which makes the table', async () => {
    await succeed('copy', '--from', csv('odd', TYPES), '--to', 'sqlite:odd.db?table=odd', '--create')
    const sql = 'SELECT CAST(id AS TEXT), hex(name), name IS NULL FROM odd ORDER BY id'
    const wanted = WANTED.map(([id, name]) => [id, name ?? '', name === null ? 1 : 0])
    expect(sqliteRows(join(project, 'odd.db'), sql)).to.deep.equal(wanted)
  })

  it('is the source and the target of stored tasks', async () => {
    const { host, port, user, password } = mariadb.server
    const connection = { host, port, user, password, db: mariadb.database }
    const folder = {
      path: 'data',
      types: { 'odd.id': 'integer not null', 'odd.price': 'decimal', 'odd.at': 'datetime' },
    }
    const sides = { mysql: { app_db: connection }, csv: { app_files: folder } }
    write(
      'etc/local.json',
      JSON.stringify({ plugins: { csv: csvName }, task_meta: connection, from: sides, to: sides }),
    )
    await succeed('init', '-c', 'etc')
    await mariadb.query(`${CREATE.replace('odd', 'loaded')};
      INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params,
        online_status, task_status, create_time, update_time)
      VALUES (1, 'app', 'csv', 'files', 'odd', 'app', 'mysql', 'db', 'loaded', '{}', 1, '1', NOW(), NOW()),
        (2, 'app', 'mysql', 'db', 'loaded', 'app', 'csv', 'files', 'unloaded', '{"schema_save_mode": "create_when_not_exist"}', 1, '1', NOW(), NOW())`)
    await succeed('run', '1', '-c', 'etc')
    await succeed('run', '2', '-c', 'etc')
    await succeed('verify', '1', '-c', 'etc')
    const names = await mariadb.query('SELECT id, HEX(name), price, at FROM loaded ORDER BY id')
    expect(names).to.deep.equal(WANTED)
    const texts = csvRows(readFileSync(join(project, 'data/unloaded.csv'), 'utf8'))
    expect(texts.map(([id]) => id)).to.have.members(WANTED.map(([id]) => id))
  })

  it('keeps a row that is not what its column says, and tells which line it is', async () => {
    write('data/bad.csv', 'id,v\r\n1,a\r\nseven,b\r\n3,c\r\n')
    await mariadb.query('CREATE TABLE bad (id INT PRIMARY KEY, v TEXT)')
    const endpoints = ['--from', csv('bad', '&types=bad.id:integer+not+null'), '--to', mariadb.url('bad')]
    expectRefusal(await cli('copy', ...endpoints), 1, 'DATA_REJECTED', 'Line 3 of', 'id (integer) is "seven"')
    expect(await mariadb.value('SELECT COUNT(*) FROM bad')).to.equal('0')
    const done = await report('copy', ...endpoints, '--param', 'error_limit={"record":1}')
    expect([done.rowsWritten, done.dirtyRows]).to.deep.equal([2, 1])
  })

  it('has schemas, which are part of the name of a table wherever one is written', async () => {
    write('data/sub/part_0.csv', 'id\r\n1\r\n')
    write('data/sub/part_1.csv', 'id\r\n2\r\n')
    write('data/part_1.csv', 'id\r\n9\r\n')
    const one = ['--from', csv('sub.part_1'), '--to', csv('sub.made'), '--create']
    expect((await report('copy', ...one)).rowsWritten).to.equal(1)
    expect(readFileSync(join(project, 'data/sub/made.csv'), 'utf8')).to.equal('id\r\n2\r\n')
    const both = ['--from', csv('sub.part_{0..1}'), '--to', csv('whole'), '--create']
    expect((await report('copy', ...both)).sources?.map(({ name }) => name)).to.deep.equal([
      'sub.part_0',
      'sub.part_1',
    ])
    expect(csvRows(readFileSync(join(project, 'data/whole.csv'), 'utf8'))).to.have.deep.members([
      ['1'],
      ['2'],
    ])
    expectRefusal(
      await cli('copy', '--from', csv('a.b.c'), '--to', csv('x')),
      2,
      'TABLE_NOT_FOUND',
      'schema.name',
    )
  })

  it('may hold NaN and infinities, for targets that hold them too', async () => {
    write('data/beyond.csv', 'id,v\r\n1,1.5\r\n2,Infinity\r\n3,-Infinity\r\n4,NaN\r\n')
    await mariadb.query('CREATE TABLE beyond (id INT PRIMARY KEY, v DOUBLE)')
    const from = ['--from', csv('beyond', '&types=beyond.id:integer+not+null,beyond.v:float')]
    const to = ['--to', mariadb.url('beyond')]
    expectRefusal(await cli('copy', ...from, ...to), 1, 'DATA_REJECTED', '"Infinity"', 'has no place')
    const three = await report('copy', ...from, ...to, '--param', 'error_limit=3')
    expect([three.rowsWritten, three.dirtyRows]).to.deep.equal([1, 3])
    const sqlite = ['--to', 'sqlite:beyond.db?table=t', '--create']
    const one = await report('copy', ...from, ...sqlite, '--param', 'error_limit=1')
    expect([one.rowsWritten, one.dirtyRows]).to.deep.equal([3, 1])
    const rows = sqliteRows(join(project, 'beyond.db'), 'SELECT id FROM t WHERE abs(v) = 9e999 ORDER BY id')
    expect(rows).to.deep.equal([[2], [3]])
    const back = await report('copy', '--from', 'sqlite:beyond.db?table=t', '--to', csv('back'), '--create')
    expect(back.rowsWritten).to.equal(3)
    const texts = csvRows(readFileSync(join(project, 'data/back.csv'), 'utf8'))
    expect(texts.map(([, v]) => v)).to.have.members(['1.5', 'Infinity', '-Infinity'])
  })

  it('refuses what it cannot do, before anything is written', async () => {
    const to = ['--from', mariadb.url('odd'), '--to', csv('odd')]
    for (const [param, words] of [
      ['write_mode=replace', 'params.write_mode: CSV folder does not support "replace"; it supports insert'],
      ['mode=append', 'does not support "ignore", which mode "append" uses unless'],
      ['pre_sql=["DELETE"]', 'params.pre_sql: CSV folder runs no SQL'],
      ['write_path=load-data', 'not a write path of CSV folder, which has auto, append, swap'],
      ['write_path=apend', 'did you mean "append"?'],
    ] as const) {
      const outcome = await cli('copy', ...to, '--param', param)
      expectRefusal(outcome, 2, 'PARAMS_INVALID', words)
    }
    expect(readFileSync(join(project, 'data/odd.csv'), 'utf8')).to.equal(ODD)
    expectRefusal(
      await cli('copy', '--from', csv('gone'), '--to', mariadb.url('odd')),
      2,
      'TABLE_NOT_FOUND',
      'gone.csv',
    )
    expectRefusal(
      await cli('copy', '--from', `${csvName}:?table=t`, '--to', mariadb.url('odd')),
      2,
      'CONFIG_INVALID',
      'path',
    )
  })
})

describe('the smallest plugin, in docs/plugins.md', () => {
  const repository = new URL('../../../', import.meta.url)
  const text = (name: string) => readFileSync(new URL(name, repository), 'utf8')
  const guide = text('docs/plugins.md')
  const contract = text('src/contract/plugin.ts')
  const [sample = ''] = /(?<=```js\n)import [^]*?(?=```)/.exec(guide) ?? []

  it('runs', async () => {
    const db = await TestDatabase.create(server('mysql'), 'CREATE TABLE numbers (n INT PRIMARY KEY)')
    write('numbers.mjs', sample)
    await succeed('copy', '--from', './numbers.mjs:20000', '--to', db.url('numbers'))
    const rows = await db.query('SELECT COUNT(*), MIN(n), MAX(n) FROM numbers')
    expect(rows).to.deep.equal([['20000', '1', '20000']])
    await succeed('verify', '--from', './numbers.mjs:20000', '--to', db.url('numbers'))
  })

  it('has the method that stands in the comment of the contract', () => {
    const [method = ''] = /(?<= \* ```js\n)[^]*?(?= \* ```)/.exec(contract) ?? []
    const lines = method.split('\n').map((line) => line.replace(/^ \* ?/, '  '))
    expect(lines.length).to.be.greaterThan(8)
    expect(sample).to.include(lines.join('\n').trimEnd())
  })

  it('is followed by all that is optional', () => {
    const optional = ['plugin', 'capabilities', 'skills']
      .map((name) => text(`src/contract/${name}.ts`))
      .join('')
    const names = [...optional.matchAll(/^  (?:readonly )?(\w+)\?[(:]/gm)].map(([, name]) => name!)
    expect(names.length).to.be.greaterThan(20)
    const missing = names.filter((name) => !guide.includes(`\`${name}\``))
    expect(missing, 'missing in docs/plugins.md').to.deep.equal([])
  })
})
