// The "columns" param, and "allow_lossy" that names the wrong ones: all faults at once, before the first write.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, oneServer } from '../support/context.js'
import { expectRefusal, TestDatabase } from '../support/copying.js'

const TABLES = `CREATE TABLE src (id INT PRIMARY KEY, name VARCHAR(20), extra INT, more INT);
  INSERT INTO src VALUES (1, 'a', 10, 100), (2, 'b', 20, 200);
  CREATE TABLE dst (id INT PRIMARY KEY, title VARCHAR(20), extra INT, gen INT AS (id + 1))`

describe('columns', () => {
  it('are copied as listed; those that are not listed are left out on purpose', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const columns = ['ID', { from: 'name', to: 'title' }, { from: 'more', to: 'extra' }]
      const { code, stderr } = await db.copy('src', 'dst', { columns })
      expect(code, stderr).to.equal(0)
      expect(await db.query('SELECT * FROM dst ORDER BY id')).to.deep.equal([
        ['1', 'a', '100', '2'],
        ['2', 'b', '200', '3'],
      ])
      await db.query('TRUNCATE TABLE dst')
      const rest = { columns: [{ from: 'name', to: 'title' }, '*'] }
      expectRefusal(await db.copy('src', 'dst', rest), 3, 'LOSSY', 'more: dst has no column')
      expect((await db.copy('src', 'dst', { ...rest, allow_lossy: ['more'] })).code).to.equal(0)
      expect(await db.query('SELECT title, extra FROM dst WHERE id = 2')).to.deep.equal([['b', '20']])
    }
  })

  it('that are wrong are all named at once', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const columns = [
        'id',
        'nope',
        { from: 'name', to: 'nowhere' },
        { from: 'extra', to: 'id' },
        { from: 'more', to: 'gen' },
      ]
      expectRefusal(
        await db.copy('src', 'dst', { columns }),
        2,
        'PARAMS_INVALID',
        'columns[1]: source src has no column "nope"; it has id, name, extra, more',
        'columns[1]: target dst has no column "nope"',
        'columns[2]: target dst has no column "nowhere"',
        'columns[3]: dst.id is fed by another entry',
        'columns[4]: dst.gen is generated',
      )
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('in allow_lossy that are unknown, not copied or not lossy are named', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const params = { columns: ['id', 'extra'], allow_lossy: ['extra', 'nope', 'name'] }
      expectRefusal(
        await db.copy('src', 'dst', params),
        2,
        'PARAMS_INVALID',
        '"extra" is not lossy: exact',
        'no column "nope"',
        '"name" is not copied',
      )
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('that have no meaning in the target are refused even when they are allowed', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, b BLOB, g GEOMETRY, v VARCHAR(9)); INSERT INTO src VALUES (1, 'x', NULL, 'y');
         CREATE TABLE dst (id INT PRIMARY KEY, b INT, g DATE, v VARCHAR(5))`,
      )
      const outcome = await db.copy('src', 'dst', { allow_lossy: ['b', 'g'] })
      expectRefusal(
        outcome,
        3,
        'LOSSY',
        'b: blob (bytes) has no meaning as int',
        'g: geometry',
        '"allow_lossy": ["v"]',
        '"columns"',
      )
    }
  })

  it('are judged one by one in the plan, for people and in JSON', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(
        server,
        `CREATE TABLE src (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE dst (id BIGINT PRIMARY KEY, v VARCHAR(5))`,
      )
      const args = [
        'copy',
        '--from',
        db.url('src'),
        '--to',
        db.url('dst'),
        '--dry-run',
        '--param',
        'allow_lossy=["v"]',
      ]
      const { stdout } = await runCli(args)
      expect(stdout).to.match(/id \(int.*\) -> id \(bigint.*\), widening: every value fits into bigint/)
      expect(stdout).to.match(
        /v \(varchar\(9\)\) -> v \(varchar\(5\)\), lossy \(accepted\): loses text longer than 5 characters/,
      )
      const plan = JSON.parse((await runCli([...args, '--json'])).stdout) as {
        write: { columns: { check: object }[] }
      }
      const { columns } = plan.write
      expect(columns.map(({ check }) => check)).to.deep.equal([
        {
          conversion: 'widening',
          why:
            columns[0]!.check && `every value fits into ${server.kind === 'mysql' ? 'bigint' : 'bigint(20)'}`,
        },
        { conversion: 'lossy', why: 'text longer than 5 characters' },
      ])
    }
  })
})
