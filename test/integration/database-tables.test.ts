// Which tables of a database are copied, and when they are made.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, runCli, server } from '../support/context.js'
import { TestDatabase } from '../support/copying.js'

describe('tables of a database', () => {
  it('makes what is missing before it drops anything', async () => {
    const from = await TestDatabase.create(
      server('postgres'),
      'CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 900); CREATE TABLE b (id int); INSERT INTO b VALUES (1); ANALYZE',
    )
    const to = await TestDatabase.create(
      server('postgres'),
      `CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (-1);
       CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
         IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.b') THEN RAISE 'refused'; END IF; END $$;
       CREATE EVENT TRIGGER no_b ON ddl_command_end EXECUTE FUNCTION refuse()`,
    )
    const urls = ['--from', from.wholeUrl, '--to', to.wholeUrl]
    const recreate = ['copy', ...urls, '--param', 'schema_save_mode=recreate']
    const failed = await runCli(recreate)
    expect(failed.code, failed.stderr).to.equal(1)
    expect(failed.stdout).to.match(/a +not begun/)
    expect(await to.query('SELECT id FROM a')).to.deep.equal([['-1']])
    await to.query('DROP EVENT TRIGGER no_b')
    const rest = await runCli(recreate)
    expect(rest.code, rest.stderr).to.equal(0)
    expect(await to.value('SELECT count(*) FROM a')).to.equal('900')
  })

  for (const kind of ['mariadb', 'mysql'] as const)
    it(`warns where the user is shown single tables (${kind})`, async () => {
      const at = server(kind)
      const tables = 'CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE hidden (id INT PRIMARY KEY)'
      const from = await TestDatabase.create(at, tables)
      const to = await TestDatabase.create(at, tables)
      const user = from.database.slice(-16)
      const grant = (what: string) => query(at, `GRANT ${what} TO '${user}'@'%'`)
      await query(at, `CREATE USER '${user}'@'%' IDENTIFIED BY 'p'`)
      await grant(`SELECT ON ${from.database}.a`)
      const url = from.wholeUrl.replace(/\/\/.*@/, `//${user}:p@`)
      const plan = () => runCli(['copy', '--from', url, '--to', to.wholeUrl, '--dry-run'])
      const some = await plan()
      expect(some.code, some.stderr).to.equal(0)
      expect(some.stdout).to.contain('is shown no others').and.not.to.contain('hidden')
      await grant(`SELECT ON ${from.database}.*`)
      const all = await plan()
      expect(all.stdout).to.contain('hidden').and.not.to.contain('is shown no others')
      await query(at, `DROP USER '${user}'@'%'`)
    })
})
