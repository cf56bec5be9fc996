// Regular expressions: one engine for every source, exact texts, steps after them, and an end to those that do not end.
import { once } from 'node:events'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, servers, startCli } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport } from '../support/copying.js'
import { sqliteFile, sqliteRows } from '../support/sqlite.js'
import { expectDifferent, expectEqual, verify } from '../support/verifying.js'

describe('replace_regex', () => {
  it('means the same whatever the source, and leaves all else as it is', async () => {
    const texts = ['a1b22', 'Äpfel  und\tÖl', '🙂🙃', 'A+B', '', 'é', 'x\\\ny', 'ſ', "it's"]
    const wanted = ['a#b#', 'Äpfel und Öl', '[🙂][🙃]', 'A+B', '', 'é', 'x\\ y', 'ſ', "it's"]
    const entry = {
      from: 't',
      to: 't',
      replace_regex: [
        { pattern: '\\d+', with: '#' },
        { pattern: '\\s+', with: ' ' },
        { pattern: '(?<face>\\p{Emoji_Presentation})', with: '[$<face>]' },
      ],
    }
    const literals = texts.map((text, i) => `(${i}, x'${Buffer.from(text).toString('hex')}')`).join()
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(20) COLLATE utf8mb4_bin); INSERT INTO src VALUES ${literals}, (99, NULL);
         CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(20) COLLATE utf8mb4_bin)`,
      )
      const params = { columns: ['id', entry] }
      const outcome = await db.copy('src', 'dst', params)
      expect(outcome.code, outcome.stderr).to.equal(0)
      expect(outcome.stderr).to.include(
        'made in the worker: t, then replace_regex -> t (varchar(20)), checked',
      )
      const rows = await db.query('SELECT t FROM dst ORDER BY id')
      expect(rows.flat()).to.deep.equal([...wanted, null])
      const check = () => verify(db.url('src'), db.url('dst'), '--params', JSON.stringify(params))
      expectEqual(await check(), texts.length + 1)
      await db.query("UPDATE dst SET t = 'a1b22' WHERE id = 0")
      expectDifferent(await check(), 0, 0, 1)
    }
    const path = sqliteFile(
      `CREATE TABLE src (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO src VALUES ${literals}; UPDATE src SET t = CAST(t AS TEXT); CREATE TABLE dst (id INTEGER PRIMARY KEY, t TEXT)`,
    )
    const endpoints = ['--from', `sqlite:${path}?table=src`, '--to', `sqlite:${path}?table=dst`]
    const params = JSON.stringify({ columns: ['id', entry] })
    const outcome = await runWithReport(['copy', ...endpoints, '--params', params])
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(sqliteRows(path, 'SELECT t FROM dst ORDER BY id').flat()).to.deep.equal(wanted)
  })

  it('comes before the other steps and before a lookup', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, phone VARCHAR(40), code VARCHAR(20));
         INSERT INTO src VALUES (1, ' +43 (100) 9007199254740993 ', 'AT-é'), (2, NULL, 'x'), (3, '18446744073709551615', 'AT_É');
         CREATE TABLE m (k VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v INT NOT NULL); INSERT INTO m VALUES ('é', 1), ('É', 2);
         CREATE TABLE dst (id INT PRIMARY KEY, n BIGINT UNSIGNED NOT NULL, v INT)`,
      )
      const code = { pattern: '^at[-_]', with: '', flags: 'i' }
      const columns = [
        'id',
        {
          from: 'phone',
          to: 'n',
          replace_regex: { pattern: '\\D+', with: '' },
          cast: 'bigint unsigned',
          default: 0,
        },
        {
          from: 'code',
          to: 'v',
          replace_regex: code,
          lookup: { in: 'source', table: 'm', key: 'k', value: 'v', missing: 'null' },
        },
      ]
      const outcome = await db.copy('src', 'dst', { columns })
      expect(outcome.code, outcome.stderr).to.equal(1)
      expect(outcome.stderr).to.include(
        'The value "431009007199254740993", made of " +43 (100) 9007199254740993 ", for n in the row with id = "1"',
      )
      await db.query("UPDATE src SET phone = ' (1) 9007199254740993 ' WHERE id = 1")
      const fits = await db.copy('src', 'dst', { columns })
      expect(fits.code, fits.stderr).to.equal(0)
      expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
        ['1', '19007199254740993', '1'],
        ['2', '0', null],
        ['3', '18446744073709551615', '2'],
      ])
    }
  })

  it('casts as the source does', async () => {
    const casts = {
      'bigint unsigned': ['0', '+7', '-0', '00018446744073709551615'],
      'decimal(20,3)': ['1', '-0.5', '.5', '1.', '00012345678901234567.890000', '-0'],
      double: ['0.1', '1e3', '-2.50', '9007199254740992'],
      date: ['2024-02-29', '0001-01-01', '9999-12-31'],
      'datetime(3)': [
        '2024-02-29 23:59:59.1230000',
        '2024-02-29T00:00:00',
        '2024-02-29',
        '1000-01-01 00:00:00.5',
      ],
      'varchar(2)': ['', '🙂🙃', 'é '],
    }
    for (const server of servers()) {
      for (const [type, texts] of Object.entries(casts)) {
        const literals = texts.map((text, i) => `(${i}, '${text}')`).join()
        const column = type === 'varchar(2)' ? 'varchar(2) COLLATE utf8mb4_bin' : type
        const db = await TestDatabase.create(
          server,
          `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(40) NOT NULL); INSERT INTO src VALUES ${literals};
           CREATE TABLE dst (id INT PRIMARY KEY, a ${column} NOT NULL, b ${column} NOT NULL)`,
        )
        const columns = [
          'id',
          { from: 't', to: 'a', cast: type },
          { from: 't', to: 'b', replace_regex: { pattern: 'never', with: '' }, cast: type },
        ]
        const outcome = await db.copy('src', 'dst', { columns })
        expect(outcome.code, outcome.stderr).to.equal(0)
        const equal = `SELECT COUNT(*) FROM dst WHERE CAST(a AS BINARY) = CAST(b AS BINARY)`
        expect(await db.value(equal), type).to.equal(`${texts.length}`)
      }
    }
  })

  it('that does not end is stopped in time, and named', async () => {
    for (const server of servers()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(80)); INSERT INTO src VALUES (1, 'aaa'), (2, CONCAT(REPEAT('a', 60), '!'));
         CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(80))`,
      )
      const entry = { from: 't', to: 't', replace_regex: { pattern: '(a+)+b', with: '' } }
      const outcome = await db.copy('src', 'dst', { columns: ['id', entry], transform_timeout: 3 })
      expectRefusal(
        outcome,
        1,
        'TRANSFORM_TIMEOUT',
        '"replace_regex" of params.columns[1] has not ended within 3 seconds, at the value for t in the row with id = "2" of src',
      )
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('that does not end is left alone when the run is interrupted', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(80)); INSERT INTO src VALUES (1, CONCAT(REPEAT('a', 60), '!')); CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(80))`,
      )
      const entry = { from: 't', to: 't', replace_regex: { pattern: '(a+)+b', with: '' } }
      const params = JSON.stringify({ columns: ['id', entry], transform_timeout: 3600 })
      const child = startCli(['copy', '--from', db.url('src'), '--to', db.url('dst'), '--params', params])
      const exit = once(child, 'exit')
      let said = ''
      child.stderr.on('data', (data) => (said += String(data)))
      while (!said.includes('write path')) await once(child.stderr, 'data')
      // Whether the expression has begun by then or not.
      child.kill('SIGINT')
      expect((await exit)[0]).to.equal(130)
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('that is none is refused before anything is read', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, t VARCHAR(80), n INT); CREATE TABLE dst (id INT PRIMARY KEY, t VARCHAR(80), n INT)`,
      )
      const wrong = (...entries: object[]) => db.copy('src', 'dst', { columns: ['id', ...entries] })
      expectRefusal(
        await wrong(
          { from: 't', replace_regex: { pattern: '(', with: '' } },
          { from: 'n', replace_regex: [{ pattern: '[a-b]', with: '\ud83d' }] },
          { value: 'x', to: 't', replace_regex: { pattern: 'x', with: '' } },
        ),
        2,
        'PARAMS_INVALID',
        'columns[1]: "replace_regex" "(" is not a regular expression of JavaScript (flags u)',
        'columns[2]: "with" of "replace_regex" "[a-b]" is not text',
        'columns[3]: "replace_regex" would change a constant',
      )
      expectRefusal(
        await wrong({
          from: 't',
          replace_regex: [
            { pattern: '(a)(?<b>b)', with: '$$3 $1 $20 $<b> $& $' },
            { pattern: '(a)', with: '$2' },
            { pattern: '(?<a>a)', with: '$<b> $00' },
            { pattern: 'a', with: '$<a>' },
          ],
        }),
        2,
        'PARAMS_INVALID',
        '"(a)" has $2, and the pattern has no such group',
        '"(?<a>a)" has $<b>',
        '"(?<a>a)" has $00',
        '"a" has $<a>',
      )
      expectRefusal(
        await wrong({ from: 't', replace_regex: { pattern: 'x', with: '', flags: 'g' } }),
        2,
        'PARAMS_INVALID',
        'columns[1].replace_regex.flags',
      )
      expectRefusal(
        await wrong({ from: 'n', replace_regex: { pattern: 'x', with: '' } }),
        2,
        'PARAMS_INVALID',
        'columns[1]: "replace_regex" takes text, not int',
      )
    }
  })
})
