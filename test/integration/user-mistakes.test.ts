// Bad input: a clear error, and nothing lost.
import { existsSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { pathsInto } from '../support/cases.js'
import { runCli, oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'

const SMALL =
  "CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO src VALUES (1,'a'),(2,'b'),(3,'c')"

describe('bad input', () => {
  it('a duplicate key fails, names the key and leaves nothing of its split, by every write path', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; INSERT INTO dst VALUES (3,'old'); SET GLOBAL local_infile = ON`,
      )
      for (const path of pathsInto(server.kind)) {
        const outcome = await db.copy('src', 'dst', { write_path: path, worker_num: 1 })
        expectRefusal(outcome, 1, 'DUPLICATE_KEY', "'3'", 'PRIMARY', 'dst')
        expect(outcome.report).to.include({ status: 'failed', rowsWritten: 0, writePath: path })
        expect(outcome.report.error!.code).to.equal('DUPLICATE_KEY')
        expect(await db.query('SELECT * FROM dst')).to.deep.equal([['3', 'old']])
      }
      if (server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
    }
  })

  it('a duplicate that is equal to the row already there is refused too', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT NOT NULL, v VARCHAR(20)); INSERT INTO src VALUES (1,'x'),(1,'x'),(2,'y');
         CREATE TABLE dst (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE full LIKE dst;
         INSERT INTO full VALUES (1,'x'),(2,'y'); SET GLOBAL local_infile = ON`,
      )
      for (const path of pathsInto(server.kind)) {
        const inside = await db.copy('src', 'dst', { write_path: path })
        expectRefusal(inside, 1, 'DUPLICATE_KEY', "'1'", 'PRIMARY', '"write_mode": "ignore"')
        expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
        const again = await db.copy('full', 'dst', { write_path: path })
        expect(again.code, again.stderr).to.equal(0)
        expectRefusal(await db.copy('full', 'dst', { write_path: path }), 1, 'DUPLICATE_KEY')
        await db.expectEqual('full', 'dst')
        await db.query('TRUNCATE TABLE dst')
      }
      if (server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
    }
  })

  it('NULL for an id that the target would invent, and values for a generated column', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (k INT, id INT NULL); INSERT INTO src VALUES (1,NULL),(2,7);
         CREATE TABLE dst (k INT, id INT NOT NULL AUTO_INCREMENT PRIMARY KEY);
         CREATE TABLE plain (a INT PRIMARY KEY, b INT); INSERT INTO plain VALUES (1,77);
         CREATE TABLE computed (a INT PRIMARY KEY, b INT AS (a + 1))`,
      )
      expectRefusal(await db.copy('src', 'dst'), 3, 'LOSSY', 'id: ', 'loses NULL')
      const accepted = await db.copy('src', 'dst', { allow_lossy: ['id'] })
      expectRefusal(accepted, 1, 'DATA_REJECTED', 'NULL', 'dst.id')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
      expectRefusal(await db.copy('plain', 'computed'), 3, 'LOSSY', 'b: computed has no column')
    }
  })

  it('a value that the target would refuse: by the plan, and when that is accepted by every write path', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO src VALUES (1,'ok'),(2,'too long for it'); SET GLOBAL local_infile = ON`,
      )
      await db.query(
        `CREATE TABLE number (id INT PRIMARY KEY, v INT); CREATE TABLE required (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL);
         CREATE TABLE nulls (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO nulls VALUES (1,'a'),(2,NULL)`,
      )
      for (const path of pathsInto(server.kind)) {
        for (const [from, to, lost] of [
          ['src', 'number', 'not an integer ("ok" in the row with id = "1")'],
          ['nulls', 'required', 'NULL (NULL in the row with id = "2")'],
        ] as const) {
          expectRefusal(await db.copy(from, to, { write_path: path }), 3, 'LOSSY', `v: `, lost)
          const outcome = await db.copy(from, to, { write_path: path, allow_lossy: ['v'] })
          expectRefusal(outcome, 1, 'DATA_REJECTED', to)
          expect(await db.value(`SELECT COUNT(*) FROM ${to}`), `${from} to ${to} by ${path}`).to.equal('0')
        }
      }
      if (server.kind === 'mysql') await db.query('SET GLOBAL local_infile = OFF')
    }
  })

  it('the same table as source and target', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, SMALL)
      expectRefusal(await db.copy('src', 'src'), 2, 'SAME_TABLE', 'src')
      // Under another name of the same server, too.
      const other = db.url('src').replace('127.0.0.1', 'localhost')
      expectRefusal(await runCli(['copy', '--from', db.url('src'), '--to', other]), 2, 'SAME_TABLE')
    }
  })

  it('a source or target table that is missing', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, SMALL)
      expectRefusal(await db.copy('nothing', 'src'), 2, 'TABLE_NOT_FOUND', '"nothing"')
      expectRefusal(await db.copy('src', 'nowhere'), 2, 'TABLE_NOT_FOUND', '"nowhere"')
    }
  })

  it('columns that are missing: named by params, lost, or required', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `${SMALL}; CREATE TABLE dst LIKE src; CREATE TABLE less (id INT PRIMARY KEY)`,
      )
      await db.query(
        'CREATE TABLE more (id INT PRIMARY KEY, v VARCHAR(20), must INT NOT NULL, may INT NOT NULL DEFAULT 7)',
      )
      expectRefusal(await db.copy('src', 'dst', { pk: 'nope' }), 2, 'COLUMN_NOT_FOUND', '"nope"')
      expectRefusal(
        await db.copy('src', 'dst', { diff_column: 'changed' }),
        2,
        'COLUMN_NOT_FOUND',
        '"changed"',
      )
      expectRefusal(await db.copy('src', 'dst', { pk: 'v' }), 2, 'COLUMN_NOT_FOUND', 'no unique key on v')
      expectRefusal(await db.copy('src', 'less'), 3, 'LOSSY', 'v: less has no column', 'allow_lossy')
      expectRefusal(await db.copy('src', 'more'), 2, 'COLUMN_REQUIRED', 'must')
      expect(await db.value('SELECT COUNT(*) FROM less')).to.equal('0')
      expect((await db.copy('src', 'less', { allow_lossy: ['v'] })).code).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM less')).to.equal('3')
    }
  })

  it('params that are not JSON, or wrong in three places at once', async () => {
    const endpoints = ['--from', 'sqlite:a.db?table=t', '--to', 'sqlite:b.db?table=t']
    expectRefusal(await runCli(['copy', ...endpoints, '--params', '{oops']), 2, 'PARAMS_INVALID', 'JSON')
    const wrong = JSON.stringify({ worker_num: 0, read_batch: 'many', splitt: { pk: 'id' } })
    expectRefusal(
      await runCli(['copy', ...endpoints, '--params', wrong]),
      2,
      'PARAMS_INVALID',
      'params.worker_num',
      'params.read_batch',
      '"splitt"',
    )
    expectRefusal(
      await runCli(['copy', ...endpoints, '--param', 'worker_num=0']),
      2,
      'PARAMS_INVALID',
      'params.worker_num',
    )
    expectRefusal(
      await runCli(['copy', ...endpoints, '--param', 'pk=id', '--param', 'split.pk=id']),
      2,
      'PARAMS_INVALID',
      'give one',
    )
  })

  it('a host that is down', async () => {
    const url = 'mysql://someone:s3cret@127.0.0.1:1/db?table=t'
    const outcome = await runWithReport(['copy', '--from', url, '--to', url])
    expectRefusal(outcome, 1, 'CONNECTION_FAILED', 'mysql://someone@127.0.0.1:1/db')
    expect(outcome.report).to.include({ status: 'failed', rowsRead: 0, splits: 0 })
    expect(JSON.stringify(outcome)).not.to.include('s3cret')
  })

  it('a wrong password, which is never shown', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, SMALL)
      const url = db.url('src').replace(`:${server.password}@`, ':wr0ng-pass@')
      const outcome = await runWithReport(['copy', '--from', url, '--to', url, '--log-level', 'debug'])
      expectRefusal(outcome, 1, 'ACCESS_DENIED', '1045')
      expect(JSON.stringify(outcome)).not.to.include('wr0ng-pass')
    }
  })

  it('a URL that is none, without a table, of an unknown type, or with an unknown parameter', async () => {
    const good = 'sqlite:a.db?table=t'
    const from = (url: string) => runCli(['copy', '--from', url, '--to', good])
    const nonsense = await from('user:pass word@host')
    expectRefusal(nonsense, 2, 'USAGE', 'table=name')
    expectRefusal(await from('mysql://u:s3cret@h:port/db?table=t'), 2, 'USAGE', '--from is not a URL')
    expectRefusal(await from('mysql://u:s3cret@h/db'), 2, 'USAGE', 'table=name')
    expectRefusal(await from('oracle://u:s3cret@h/db?table=t'), 2, 'PLUGIN_UNKNOWN', '"oracle"', 'mysql')
    expectRefusal(await from('mysql://u:s3cret@h/db?table=t&sslmode=on'), 2, 'USAGE', '"sslmode"')
    expectRefusal(await runCli(['copy', 'mysql://u:s3cret@h/db', '--from', good, '--to', good]), 2, 'USAGE')
    for (const outcome of [
      await from('mysql://u:s3cret@h:port/db?table=t'),
      await runCli(['cpoy', 'mysql://u:s3cret@h/db']),
    ]) {
      expect(outcome.stderr + outcome.stdout).not.to.include('s3cret')
    }
  })

  it('write paths that the server forbids, or does not have', async () => {
    for (const server of oneServer().filter(({ kind }) => kind === 'mysql')) {
      const db = await TestDatabase.create(server, `${SMALL}; CREATE TABLE dst LIKE src`)
      const { report } = await db.copy('src', 'dst')
      expect(report.reasons.join('\n'))
        .to.include('SET GLOBAL local_infile = ON')
        .and.to.include('binary log')
      expectRefusal(
        await db.copy('src', 'dst', { write_path: 'load-data' }),
        2,
        'PARAMS_INVALID',
        'local_infile=OFF',
      )
      expectRefusal(
        await db.copy('src', 'dst', { write_path: 'bulk' }),
        2,
        'PARAMS_INVALID',
        'does not offer bulk executions',
      )
    }
  })

  it('session or pre_sql statements that fail end the process', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${SMALL}; CREATE TABLE dst LIKE src`)
      const session = await db.copy('src', 'dst', { session: ['SET banana = 1'] })
      expectRefusal(session, 1, 'SERVER_ERROR', '"session"[0]', 'banana')
      const before = await db.copy('src', 'dst', { pre_sql: ['SELECT 1', 'BANANA'] })
      expectRefusal(before, 1, 'SERVER_ERROR', '"pre_sql"[1]')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('a URL of a whole database beside one that is none', async () => {
    const [whole, other] = ['sqlite:here.db', 'sqlite:there.db?table=t']
    const mistakes: [string, string, string, string][] = [
      [whole, '', 'USAGE', '--to is not a URL'],
      ['jdbc:mysql://db1/shop', whole, 'PLUGIN_UNKNOWN', 'Unknown database type "jdbc"'],
      ['mysqll://db1/shop', whole, 'PLUGIN_UNKNOWN', 'did you mean "mysql"?'],
      [whole, other, 'USAGE', '--from names no table'],
      ['', other, 'USAGE', '--from is not a URL'],
    ]
    for (const [from, to, code, words] of mistakes)
      expectRefusal(await runCli(['copy', '--from', from, '--to', to]), 2, code, words)
    // Not that --tables does not go with it.
    expectRefusal(
      await runCli(['copy', '--from', whole, '--to', '', '--tables', 'a']),
      2,
      'USAGE',
      '--to is not',
    )
  })

  it('switches with odd values, options given twice and a demo folder with other files', async () => {
    const [server] = servers()
    const db = await TestDatabase.create(server!, `${SMALL}; CREATE TABLE dst LIKE src`)
    const endpoints = ['copy', '--from', db.url('src'), '--to', db.url('dst')]
    expectRefusal(await runCli([...endpoints, '--dry-run=yes']), 2, 'USAGE', '--dry-run=yes')
    expectRefusal(await runCli([...endpoints, '--params', '{}', '--params', '{}']), 2, 'USAGE', '--params')
    expectRefusal(
      await runCli([...endpoints, '--to', db.url('dst')]),
      2,
      'USAGE',
      '--to was given more than once',
    )
    const slashless = await runCli([
      'copy',
      '--from',
      'mysql:me:s3cret@host/db?table=t',
      '--to',
      db.url('dst'),
    ])
    expectRefusal(slashless, 2, 'USAGE', 'names no database')
    expect(slashless.stderr).not.to.include('s3cret')
    expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    const file = scratchFile('txt')
    writeFileSync(file, 'mine')
    expectRefusal(await runCli(['demo', '--folder', dirname(file)]), 2, 'USAGE', 'holds files of others')
    expectRefusal(await runCli(['demo', '--folder', file]), 2, 'USAGE', 'cannot be used')
    // Nothing can be made there, and making all folders of the path at once would not end.
    if (existsSync('/proc/self'))
      expectRefusal(await runCli(['demo', '--folder', '/proc/x/y']), 2, 'USAGE', 'cannot be used')
  })

  it('misspelt commands, types and values are answered by what may be meant', async () => {
    const meant: [string[], string, string, string][] = [
      [['cpoy', '--from', 'a', '--to', 'b'], 'USAGE', 'Unknown command: cpoy', 'copy'],
      [['run', '1', '--mode', 'apend'], 'USAGE', 'Given: "apend"', 'append'],
      [['plan', '1', '--log-level', 'inof'], 'USAGE', 'Given: "inof"', 'info'],
      [['copy', '--from', 'a', '--too', 'b', '--x', 'y'], 'USAGE', 'Unknown argument', 'to'],
      [['copy', '--from', 'mysq://h/d?table=t', '--to', 'b'], 'PLUGIN_UNKNOWN', '"mysq"', 'mysql'],
      [
        ['copy', '--from', 'sqlite:a?table=t', '--to', 'sqlite:b?table=t', '--param', 'write_mode=upsrt'],
        'PARAMS_INVALID',
        'params.write_mode: must be one of',
        'upsert',
      ],
    ]
    for (const [args, code, words, name] of meant)
      expectRefusal(await runCli(args), 2, code, words, `did you mean "${name}"?`)
  })

  it('a report that cannot be written stops before the first row', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, `${SMALL}; CREATE TABLE dst LIKE src`)
      const args = [
        'copy',
        '--from',
        db.url('src'),
        '--to',
        db.url('dst'),
        '--report',
        '/nowhere/at/all.json',
      ]
      expectRefusal(await runCli(args), 2, 'USAGE', '/nowhere/at/all.json')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })
})
