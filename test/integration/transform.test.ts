// Rows that pass through a user's module: values without loss, rows left out and added, and everything a module can do wrong.
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { runCli, oneServer, startCli } from '../support/context.js'
import { expectRefusal, TestDatabase, scratch, scratchFile, type Outcome } from '../support/copying.js'

const ROWS = 1000

/** Every kind of value, at its limits. */
const TYPES = `
  id BIGINT UNSIGNED PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, plain INT, wide INT UNSIGNED, big BIGINT,
  flag TINYINT(1), padded INT(8) ZEROFILL, dec65 DECIMAL(65,30), dec0 DECIMAL(20,0) UNSIGNED, single FLOAT, dbl DOUBLE, bits BIT(20),
  fixed CHAR(20), vary VARCHAR(200), long_text MEDIUMTEXT, gbk VARCHAR(50) CHARACTER SET gbk, bin4 BINARY(4), varbin VARBINARY(40), blobs LONGBLOB,
  en ENUM('a','b','it''s'), se SET('x','y','z'), js JSON, dt DATE, tm TIME(6), dtm DATETIME(6), dtm0 DATETIME, ts TIMESTAMP(6) NULL, yr YEAR, \`__proto__\` INT, \`weird "name\` INT`

const FILL = `
  INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${ROWS})
  SELECT 18446744073709546615 + i, i % 256 - 128, i * 13 % 65536, i - 8388608, i * 429496 - 2147483648, 4294967295 - i, IF(i % 2, 1, -1) * (9223372036854775807 - i),
    i % 2, i, CONCAT(IF(i % 2, '', '-'), '12345678901234567890123456789012345.', LPAD(i, 30, '0')), CAST('92233720368547758075' AS DECIMAL(20)) - i, i / 3, i / 7 * 1e300, i,
    CONCAT('fix 中', i), CONCAT('tab \\t lf \\n cr \\r back \\\\ null-like \\\\N 中😀 ', i), REPEAT(CONCAT(i, 'é'), i % 60), '漢字', UNHEX(LPAD(HEX(i), 8, '0')), UNHEX('000A09FF5C0D'),
    UNHEX(REPEAT(LPAD(HEX(i % 256), 2, '0'), i % 50)), ELT(1 + i % 3, 'a', 'b', 'it''s'), ELT(1 + i % 3, '', 'x', 'x,z'), JSON_OBJECT('k', i), DATE('9999-12-31') - INTERVAL i DAY,
    MAKETIME(i % 838, i % 60, i % 60 + 0.000001), TIMESTAMP('1000-01-01 00:00:00.000001') + INTERVAL i DAY, '2024-02-29 23:59:59', '2038-01-19 03:14:07.999999', IF(i % 2, 2155, '0000'), i, -i FROM q;
  INSERT INTO s (id) VALUES (1)`

/** A module of this text; returns its path. */
function moduleOf(text: string, ending = 'mjs'): string {
  const file = scratchFile(ending)
  writeFileSync(file, text)
  return file
}

function copy(db: TestDatabase, text: string, params: object = {}): Promise<Outcome> {
  return db.copy('s', 't', { transform: moduleOf(text), worker_num: 2, ...params })
}

describe('transform', () => {
  const dbs: TestDatabase[] = []
  before(async () => {
    for (const server of oneServer()) dbs.push(await TestDatabase.create(server))
  })

  async function onBoth(sql: string, check: (db: TestDatabase) => Promise<void>): Promise<void> {
    for (const db of dbs) {
      await db.query(`DROP TABLE IF EXISTS s, t; ${sql}`)
      await check(db)
    }
  }

  const SMALL = `CREATE TABLE s (id INT PRIMARY KEY, name VARCHAR(20), n INT, at DATETIME(3));
    INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < 1000)
      SELECT i, CONCAT('n', i), i, '2026-11-21 10:00:00.123' FROM q;
    CREATE TABLE t LIKE s`

  for (const [how, text] of [
    ['the same object', 'export default (row) => row'],
    ['a copy', 'export default (row) => ({ ...row })'],
    ['a promise', 'export default async (row) => ({ ...row })'],
    ['an array', 'export default (row) => [row]'],
    ['a batch', 'export const batch = (rows) => rows'],
    ['a batch by a promise', 'export const batch = async (rows) => rows.map((row) => ({ ...row }))'],
  ] as const) {
    it(`keeps every value: ${how}`, () =>
      onBoth(`CREATE TABLE s (${TYPES}); CREATE TABLE t LIKE s; ${FILL}`, async (db) => {
        const outcome = await copy(db, text)
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(outcome.report).to.include({
          rowsRead: ROWS + 1,
          rowsWritten: ROWS + 1,
          rowsFiltered: 0,
          rowsAdded: 0,
        })
        await db.expectEqual('s', 't')
      }))
  }

  it('keeps every value that is decoded and written anew', () =>
    onBoth(`CREATE TABLE s (${TYPES}); CREATE TABLE t LIKE s; ${FILL}`, async (db) => {
      // Rows change places, so that no value is that of its row.
      const outcome = await copy(db, 'export const batch = (rows) => [...rows].reverse()')
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report.timeSpent!.phases.transforming.seconds).to.be.above(0)
      await db.expectEqual('s', 't')
    }))

  it('gives typed values under the names of "columns"', () =>
    onBoth(
      `CREATE TABLE s (${TYPES}); CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, types TEXT); ${FILL}`,
      async (db) => {
        const text = `export const columns = ['types']
        export default ({ id, ...row }) => ({ id, types: Object.values(row).map((value) => value === null ? 'null' : value instanceof Uint8Array ? 'bytes' : typeof value).join() })`
        const columns = [
          'id',
          { from: 'big', to: 'a' },
          { from: 'plain', to: 'b' },
          { from: 'wide', to: 'c' },
          { from: 'dec65', to: 'd' },
          { from: 'dbl', to: 'e' },
          { from: 'dtm', to: 'f' },
          { from: 'js', to: 'g' },
          { from: 'varbin', to: 'h' },
          { to: 'i', value: 'x' },
          { to: 'j', sql: 'id % 2' },
        ]
        const outcome = await copy(db, text, { columns })
        expect(outcome.code, outcome.stderr).to.equal(0)
        expect(await db.query('SELECT types FROM t GROUP BY types ORDER BY types')).to.deep.equal([
          ['bigint,number,number,string,number,string,string,bytes,string,bigint'],
          ['null,null,null,null,null,null,null,null,string,bigint'],
        ])
      },
    ))

  it('leaves rows out and adds some, and counts both', () =>
    onBoth(SMALL.replace('t LIKE s', 't (id INT PRIMARY KEY, name VARCHAR(20))'), async (db) => {
      const text = `export default ({ id, name, n }) => {
        if (n % 10 === 0) return null
        if (n % 10 === 1) return [{ id, name }, { id: id + 10000, name: 'added' }, { id: id + 20000, name: 'added' }]
        return n % 10 === 2 ? [] : { id, name: name.toUpperCase(), n }
      }`
      const outcome = await copy(db, text, { read_batch: 100 })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({
        rowsRead: 1000,
        rowsFiltered: 200,
        rowsAdded: 200,
        rowsWritten: 1000,
      })
      expect(outcome.stdout).to.include('200 rows were left out').and.include('200 rows were added')
      expect(
        await db.value(`SELECT CONCAT(SUM(id > 10000), ' ', SUM(BINARY name LIKE 'N%')) FROM t`),
      ).to.equal('200 700')
    }))

  it('cuts what one row becomes into batches', () =>
    onBoth(SMALL, async (db) => {
      const text = `export default (row) => row.id > 1 ? null : Array.from({ length: 50000 }, (_, id) => ({ ...row, id, name: 'y'.repeat(20) }))`
      const outcome = await copy(db, text, { write_path: 'insert' })
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.report).to.include({ rowsFiltered: 999, rowsAdded: 49_999, rowsWritten: 50_000 })
      expect(await db.value('SELECT COUNT(DISTINCT name, n) FROM t')).to.equal('1')
    }))

  it('knows columns that the module fills, promises, CommonJS, and where the params file is', () =>
    onBoth(
      `${SMALL}; ALTER TABLE t ADD made VARCHAR(50) NOT NULL, ADD half DECIMAL(10,1) NOT NULL, ADD calc INT AS (n + 1)`,
      async (db) => {
        const text = `exports.columns = ['made', 'half']
        exports.default = async (row, context) => {
          context.log.info('row ' + row.id)
          console.log('not a result')
          return { ...row, made: [context.table, context.thread > 0, context.runId.length > 10].join(), half: row.n / 2 }
        }`
        const module = moduleOf(text, 'cjs')
        const params = scratchFile('json')
        writeFileSync(
          params,
          JSON.stringify({ transform: `./${module.slice(scratch.length + 1)}`, worker_num: 1 }),
        )
        const endpoints = ['--from', db.url('s'), '--to', db.url('t')]
        const { code, stdout, stderr } = await runCli(['copy', ...endpoints, '--params', params, '--json'])
        expect(code, stderr).to.equal(0)
        expect(JSON.parse(stdout)).to.include({ rowsWritten: 1000 })
        expect(stderr).to.include('not a result')
        expect(
          await db.value(
            `SELECT COUNT(*) FROM t WHERE half * 2 = n AND calc = n + 1 AND made = 't,true,true'`,
          ),
        ).to.equal('1000')
      },
    ))

  it('ends with the row that it throws for, or keeps it', () =>
    onBoth(SMALL, async (db) => {
      const text = `export default (row) => {
        if (row.id === 700) throw new TypeError('not seven hundred')
        return row
      }`
      const failed = await copy(db, text, { read_batch: 100 })
      expectRefusal(failed, 1, 'TRANSFORM_FAILED', 'id = "700"', 'TypeError: not seven hundred (line 2:')
      expect(failed.report.error!.details).to.deep.include({ key: ['id = "700"'] })
      await db.query('TRUNCATE t')

      const dirty_file = scratchFile('tsv')
      const kept = await copy(db, text, { read_batch: 100, error_limit: 1, dirty_file })
      expect(kept.code, kept.stderr).to.equal(0)
      expect(kept.report).to.include({
        rowsRead: 1000,
        rowsWritten: 999,
        dirtyRows: 1,
        dirtyFile: null,
        dirtyReadFile: `${dirty_file}.read`,
      })
      expect(readFileSync(`${dirty_file}.read`, 'utf8')).to.match(
        /^700\tn700\t700\t2026-11-21 10:00:00.123\tTRANSFORM_FAILED\t\\N\t/,
      )
      expect(existsSync(dirty_file)).to.equal(false)
    }))

  it('finds the row at fault when a whole batch fails', () =>
    onBoth(SMALL, async (db) => {
      const text = `export const batch = (rows) => rows.map((row) => {
        if (row.id % 400 === 0) throw new Error('bad ' + row.id)
        return { ...row, name: row.id === 500 ? 5 : row.name }
      })`
      expectRefusal(await copy(db, text), 1, 'TRANSFORM_FAILED', 'id = "400"', 'bad 400')
      await db.query('TRUNCATE t')
      const kept = await copy(db, text, { error_limit: 3, dirty_file: scratchFile('tsv') })
      expect(kept.code, kept.stderr).to.equal(0)
      expect(kept.report).to.include({ rowsWritten: 997, dirtyRows: 3 })
    }))

  it('fails the run when rows fail together and none of them alone, whatever is tolerated', () =>
    onBoth(SMALL, async (db) => {
      const text = `export const batch = (rows) => {
        if (rows.length > 1) throw new Error('two of a kind')
        return rows
      }`
      const tolerant = { error_limit: 1000, dirty_file: scratchFile('tsv') }
      expectRefusal(
        await copy(db, text, tolerant),
        1,
        'TRANSFORM_FAILED',
        'none of them alone',
        'two of a kind',
      )
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    }))

  it('takes whatever is thrown and printed for what it is', () =>
    onBoth(SMALL, async (db) => {
      const thrown = [
        ['undefined', 'it threw undefined'],
        ['Symbol("odd")', 'Symbol(odd)'],
        ['Object.create(null)', 'cannot be shown'],
        ['{ toString() { throw 1 } }', 'cannot be shown'],
        ['Object.assign(new Error("a"), { stack: 5 })', 'cannot be shown'],
      ] as const
      for (const [what, said] of thrown) {
        expectRefusal(await copy(db, `export default () => { throw ${what} }`), 1, 'TRANSFORM_FAILED', said)
      }
      const loud = await copy(db, 'export default (row) => { process.stdout.write("printed"); return row }')
      expect(loud.code, loud.stderr).to.equal(0)
      expect(loud.stdout).not.to.include('printed')
      expect(loud.stderr).to.include('printed')
    }))

  it('refuses what cannot be written, row by row, and says why', () =>
    onBoth(
      `${SMALL}; ALTER TABLE t ADD dec2 DECIMAL(6,2), ADD fixed CHAR(5), ADD en ENUM('a', 'b'), ADD bin BINARY(2), ADD f FLOAT, ADD yr YEAR`,
      async (db) => {
        const garbage: readonly (readonly [string, ...string[]])[] = [
          ['undefined', 'undefined', 'not a row'],
          ['7', 'returned 7', 'not a row'],
          ['[[row]]', 'not a row'],
          ['[row, null]', 'null', 'not a row'],
          ['{ ...row, nmae: 1 }', '"nmae"', 'no column that is written'],
          ['{ id: row.id }', '"name": undefined', 'varchar', 'missing'],
          ['{ ...row, n: undefined }', '"n": undefined', 'missing'],
          ['{ ...row, n: NaN }', '"n": NaN', 'not an integer'],
          ['{ ...row, n: 1.5 }', '"n": 1.5', 'not an integer'],
          ['{ ...row, n: "1e3" }', '1e3', 'not an integer'],
          ['{ ...row, n: 2 ** 60 }', '"n"', 'give a bigint'],
          ['{ ...row, n: 2 ** 31 }', '"n"', 'more than 2147483647'],
          ['{ ...row, n: -(2n ** 31n) - 1n }', '"n"', 'less than -2147483648'],
          ['{ ...row, name: { a: 1 } }', '"name"', 'JSON.stringify'],
          ['{ ...row, name: 5 }', '"name": 5', 'String('],
          ['{ ...row, name: "😀".slice(0, 1) }', '"name"', 'half of a character'],
          ['{ ...row, name: "y".repeat(60) + "😀".slice(1) }', '"name"', 'half of a character'],
          ['{ ...row, at: new Date(0) }', '"at"', 'a Date: give a datetime such as'],
          ['{ ...row, at: "2026-02-30 00:00:00" }', '"at"', 'not in the calendar'],
          ['{ ...row, at: "2026-02-03T00:00:00Z" }', '"at"', 'not a datetime such as'],
          ['{ ...row, at: "2026-02-03 00:00:00.1234" }', '"at"', 'more than 3 digits of a second'],
          ['{ ...row, id: null }', '"id": null', 'NOT NULL'],
          ['{ ...row, dec2: 0.125 }', '"dec2"', 'toFixed(2)'],
          ['{ ...row, dec2: "12345" }', '"dec2"', 'more than 4 digits before the point'],
          ['{ ...row, dec2: Infinity }', '"dec2"', 'not a decimal number'],
          ['{ ...row, fixed: "a " }', '"fixed"', 'spaces at the end'],
          ['{ ...row, en: "c" }', '"en"', 'not a member'],
          ['{ ...row, bin: new Uint8Array(1) }', '"bin"', 'fill them up to 2'],
          ['{ ...row, bin: "ab" }', '"bin"', 'not a Uint8Array'],
          ['{ ...row, f: 1e39 }', '"f"', 'range of a float'],
          ['{ ...row, f: "" }', '"f"', 'not a finite number'],
          ['{ ...row, yr: 70 }', '"yr"', 'not a year'],
        ]
        const text = `const garbage = [${garbage.map(([made]) => `(row) => (${made})`).join(',\n')}]
        export const columns = ['dec2', 'fixed', 'en', 'bin', 'f', 'yr']
        export default ({ id, name, n, at }) => {
          const row = { id, name, n, at, dec2: 1e-2, fixed: 'a', en: null, bin: null, f: 0.1, yr: 0 }
          return garbage[id - 1] === undefined ? row : garbage[id - 1](row)
        }`
        const dirty_file = scratchFile('tsv')
        const kept = await copy(db, text, { error_limit: 100, dirty_file })
        expect(kept.code, kept.stderr).to.equal(0)
        expect(kept.report).to.include({ dirtyRows: garbage.length, rowsWritten: 1000 - garbage.length })
        expect(
          await db.value(
            `SELECT COUNT(*) FROM t WHERE id > ${garbage.length} AND dec2 = 0.01 AND f BETWEEN 0.09 AND 0.11 AND yr = 0`,
          ),
        ).to.equal(String(1000 - garbage.length))
        const lines = readFileSync(`${dirty_file}.read`, 'utf8').split('\n')
        const reasons = new Map(lines.map((line) => [line.split('\t')[0], line.split('\t').at(-1)]))
        for (const [i, [made, ...words]] of garbage.entries())
          for (const word of words) expect(reasons.get(String(i + 1)), made).to.include(word)
      },
    ))

  it('leaves to the target what only the target knows', () =>
    onBoth(
      `${SMALL}; ALTER TABLE t MODIFY name VARCHAR(10) CHARACTER SET latin1, ADD js JSON`,
      async (db) => {
        const text = `export const columns = ['js']
        const names = { 7: 'y'.repeat(11), 8: '中', 9: 'é😀' }
        export default (row) => ({ ...row, name: names[row.id] ?? 'é', js: row.id === 10 ? '{"a":' : '{"a": 1}' })`
        for (const write_path of ['insert', 'load-data']) {
          if (write_path === 'load-data') await db.query('TRUNCATE t; SET GLOBAL local_infile = ON')
          const dirty_file = scratchFile('tsv')
          const outcome = await copy(db, text, { error_limit: 10, dirty_file, write_path })
          expect(outcome.code, outcome.stderr).to.equal(0)
          expect(outcome.report).to.include({
            dirtyRows: 4,
            rowsWritten: 996,
            dirtyFile: dirty_file,
            dirtyReadFile: null,
          })
          expect(
            await db.value(`SELECT COUNT(*) FROM t WHERE HEX(name) = 'E9' AND JSON_VALUE(js, '$.a') = 1`),
          ).to.equal('996')
        }
        if (db.server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
      },
    ))

  it('ends a function that does not come back, and names its row', () =>
    onBoth(SMALL, async (db) => {
      for (const [forever, words] of [
        ['for (;;);', ['at the row with id = "321"']],
        ['return new Promise(() => {})', ['at the row with id = "321"']],
      ] as const) {
        const started = performance.now()
        const outcome = await copy(
          db,
          `export default (row) => { if (row.id === 321) { ${forever} } return row }`,
          { transform_timeout: 1 },
        )
        expectRefusal(outcome, 1, 'TRANSFORM_TIMEOUT', 'within 1 s', 'split 0 of s', ...words)
        expect(performance.now() - started).to.be.lessThan(20_000)
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      }
      const batch = await copy(db, `export const batch = (rows) => { for (;;); }`, {
        transform_timeout: 1,
      })
      expectRefusal(batch, 1, 'TRANSFORM_TIMEOUT', '1000 rows from that with id = "1"')
    }))

  it('fails when the function ends its thread', () =>
    onBoth(SMALL, async (db) => {
      for (const [end, words] of [
        ['process.exit(3)', ['code: 3', 'at the row with id = "321"']],
        ['setTimeout(() => { throw new Error("later") })', ['later']],
        ['void Promise.reject(new Error("nobody waits"))', ['nobody waits']],
      ] as const) {
        const outcome = await copy(
          db,
          `export default async (row) => { if (row.id === 321) { ${end}; await new Promise(() => {}) } return row }`,
        )
        expectRefusal(outcome, 1, 'TRANSFORM_FAILED', ...words)
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
      }
      const keeps = 'const kept = []; export default () => { for (;;) kept.push(Array(10_000).fill("")) }'
      const params = JSON.stringify({ transform: moduleOf(keeps) })
      const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--params', params]
      const full = await runCli(['copy', ...endpoints], {
        env: { NODE_OPTIONS: '--max-old-space-size=48' },
      })
      expectRefusal(full, 1, 'TRANSFORM_FAILED', 'memory', 'NODE_OPTIONS=--max-old-space-size')
    }))

  it('takes no module that is none', () =>
    onBoth(SMALL, async (db) => {
      const missing = pathToFileURL(scratchFile('mjs')).href
      const refuse = async (transform: string, ...words: (string | RegExp)[]) => {
        const outcome = await db.copy('s', 't', { transform, transform_timeout: 1 })
        expectRefusal(outcome, 2, 'PARAMS_INVALID', 'params.transform', ...words)
      }
      await refuse(missing.slice('file://'.length), 'cannot be loaded', 'there is no such file')
      await refuse(moduleOf('export const other = 1'), 'no default export')
      await refuse(moduleOf('export default 5'), 'not a function')
      await refuse(moduleOf('export default (row => row'), 'SyntaxError', 'node --check')
      await refuse(moduleOf('throw new Error("at once")'), 'at once')
      await refuse(moduleOf('process.exit(1)'), 'code 1')
      await refuse(moduleOf('export const columns = "a"; export default (row) => row'), 'array of names')
      const unknown = await copy(db, 'export const columns = ["x", "y"]; export default (row) => row')
      expectRefusal(unknown, 2, 'PARAMS_INVALID', '"x"', '"y"', 'id, name, n, at')
      const slow = await copy(db, 'for (;;);', { transform_timeout: 1 })
      expectRefusal(slow, 1, 'TRANSFORM_TIMEOUT', 'not loaded within 1 s')
      expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('0')
    }))

  it('cannot be verified', () =>
    onBoth(SMALL, async (db) => {
      const params = JSON.stringify({ transform: moduleOf('export default (row) => row') })
      const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--params', params]
      expectRefusal(await runCli(['verify', ...endpoints]), 2, 'PARAMS_INVALID', 'params.transform')
      expectRefusal(
        await copy(db, 'export default (row) => row', { mode: 'sync' }),
        2,
        'PARAMS_INVALID',
        '"sync"',
      )
    }))

  it('stops soon when the run is interrupted', async () => {
    // The loop would go on for the whole timeout otherwise.
    const [db] = dbs
    await db!.query(`DROP TABLE IF EXISTS s, t; ${SMALL}`)
    const text = `import { writeSync } from 'node:fs'
      export default (row) => { if (row.id === 900) { writeSync(2, 'looping'); for (;;); } return row }`
    const params = JSON.stringify({ transform: moduleOf(text) })
    const child = startCli(['copy', '--from', db!.url('s'), '--to', db!.url('t'), '--params', params])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.stdout.resume()
    while (!stderr.includes('looping')) await sleep(20)
    const stopped = performance.now()
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code, stderr).to.equal(130)
    expect(stderr).to.include('[INTERRUPTED]')
    expect(performance.now() - stopped).to.be.within(4_000, 12_000)
    expect(await db!.value('SELECT COUNT(*) FROM t')).to.equal('0')
  })
})
