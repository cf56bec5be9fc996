// What a target remembers of indexes that were dropped, until they are added again.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, server } from '../support/context.js'
import { runWithReport, TestDatabase } from '../support/copying.js'

const DEFER = { defer_indexes: true }
const SMALL = `CREATE TABLE src (id INT PRIMARY KEY, a INT); INSERT INTO src VALUES (1, 1), (2, 2); CREATE TABLE dst (id INT PRIMARY KEY, a INT);
  CREATE INDEX ka ON dst (a)`
/** Refuses what is remembered of indexes the second time. */
const refusing = (kind: string) =>
  kind === 'postgres'
    ? `CREATE SEQUENCE told; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.run_id = '' AND nextval('told') = 2 THEN RAISE 'refused'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER refusing BEFORE INSERT ON rowshift_checkpoint FOR EACH ROW EXECUTE FUNCTION refuse()`
    : `CREATE TRIGGER refusing BEFORE INSERT ON rowshift_checkpoint FOR EACH ROW
         IF NEW.run_id = '' AND (@told := COALESCE(@told, 0) + 1) = 2 THEN SIGNAL SQLSTATE '45000'; END IF`

const remembered = (db: TestDatabase) => db.query('SELECT * FROM rowshift_checkpoint')

describe('what is remembered of dropped indexes', () => {
  it('is not forgotten by a run that fails when it has dropped them', async () => {
    for (const at of [...oneServer(), server('postgres')]) {
      const db = await TestDatabase.create(at, SMALL)
      const first = await db.copy('src', 'dst', DEFER)
      expect(first.code, first.stderr).to.equal(0)
      await db.query(`DELETE FROM dst; ${refusing(at.kind)}`)
      const failed = await db.copy('src', 'dst', DEFER)
      expect(failed.code, failed.stderr).to.equal(1)
      expect(failed.report.error!.message).to.match(
        /The target lacks indexes.*\n {2}(ALTER TABLE|CREATE INDEX) .*ka/,
      )
      const next = await db.copy('src', 'dst')
      expect(next.code, next.stderr).to.equal(0)
      expect(next.report.reasons.join('\n')).to.include('indexes that came after the last row: 1,')
      await db.query(`DROP INDEX ka${at.kind === 'postgres' ? '' : ' ON dst'}`)
      expect(await remembered(db)).to.deep.equal([])
    }
  })

  it('does not keep those from copying who may not read what is remembered, or where another table has its name', async () => {
    const user = `deferred_${process.pid}`
    for (const at of [...oneServer(), server('postgres')]) {
      const db = await TestDatabase.create(at, `${SMALL}; CREATE TABLE rowshift_checkpoint (x INT)`)
      const copied = await db.copy('src', 'dst')
      expect(copied.code, copied.stderr).to.equal(0)
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('2')
    }
    const db = await TestDatabase.create(server('postgres'), SMALL)
    expect((await db.copy('src', 'dst', DEFER)).code).to.equal(0)
    await db.query(`DELETE FROM dst; CREATE ROLE ${user} LOGIN PASSWORD 'p'; GRANT SELECT ON src, dst TO ${user};
      GRANT INSERT, UPDATE, DELETE ON dst TO ${user}`)
    try {
      const [from, to] = ['src', 'dst'].map((table) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:p@`))
      const copied = await runWithReport(['copy', '--from', from!, '--to', to!])
      expect(copied.code, copied.stderr).to.equal(0)
      await db.query('DELETE FROM dst WHERE id = 1')
      const repaired = await runWithReport(['verify', '--from', from!, '--to', to!, '--repair'])
      expect(repaired.code, repaired.stderr).to.equal(0)
      await db.expectEqual('src', 'dst')
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('is kept where it cannot be forgotten, which is not taken for a refusal of the index', async () => {
    const db = await TestDatabase.create(server('postgres'), SMALL)
    expect((await db.copy('src', 'dst', DEFER)).code).to.equal(0)
    await db.query(
      `DELETE FROM dst; CREATE SEQUENCE told; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF EXISTS (SELECT FROM dst) AND nextval('told') = 1 THEN RAISE 'refused' USING ERRCODE = '42703'; END IF; RETURN OLD; END $$;
       CREATE TRIGGER refusing BEFORE DELETE ON rowshift_checkpoint FOR EACH ROW WHEN (OLD.run_id = '') EXECUTE FUNCTION refuse()`,
    )
    const failed = await db.copy('src', 'dst', DEFER)
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.report.warnings.join()).not.to.include('given up')
    expect(await db.value("SELECT count(*) FROM rowshift_checkpoint WHERE run_id = ''")).to.equal('1')
  })

  it('forgets each index over the connection that has added it', async () => {
    const db = await TestDatabase.create(
      server('postgres'),
      `${SMALL}; CREATE INDEX kb ON dst (a); CREATE INDEX kc ON dst (a)`,
    )
    expect((await db.copy('src', 'dst', DEFER)).code).to.equal(0)
    await db.query(
      `DELETE FROM dst; CREATE TABLE seen (pid int, split text);
       CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO seen VALUES (pg_backend_pid(), OLD.split); RETURN OLD; END $$;
       CREATE TRIGGER seeing BEFORE DELETE ON rowshift_checkpoint FOR EACH ROW WHEN (OLD.run_id = '') EXECUTE FUNCTION see()`,
    )
    const done = await db.copy('src', 'dst', DEFER)
    expect(done.code, done.stderr).to.equal(0)
    // The writer's, which remembers them twice, and one for each index.
    expect(await db.query('SELECT count(*) FROM seen GROUP BY pid ORDER BY 1')).to.deep.equal(
      ['1', '1', '1', '3'].map((count) => [count]),
    )
    expect(await remembered(db)).to.deep.equal([])
  })
})
