// The seed's own way: a task table, configuration files, environment variables, task 5.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { runCli, oneServer, servers } from '../support/context.js'
import { expectRefusal, TestDatabase, runWithReport, scratchFile } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'
import { untilLater } from '../support/until.js'

/** As it stands in the seed. */
const SEED_INSERT = String.raw`INSERT INTO ${'`task_def_sync_manager`'} (${[
  'id',
  'from_app',
  'from_db_type',
  'from_db',
  'from_table',
  'to_app',
  'to_db_type',
  'to_db',
  'to_table',
  'params',
  'online_status',
  'task_desc',
  'task_status',
  'owner',
  'create_time',
  'update_time',
]
  .map((name) => `\`${name}\``)
  .join(', ')})
VALUES
	(5, 'local_dw', 'mysql', 'blog', 'qcc_change_history', 'local_dw', 'mysql', 'blog', 'qcc_change_history2', '{\n	\"pk\": {\n		\"src\": \"id\",\n		\"dest\": \"id\"\n	},\n	\"diff_column\": {\n		\"src\": \"update_time\",\n		\"dest\": \"update_time\"\n	},\n	\"worker_num\": 20,\n	\"read_batch\": 5000,\n	\"write_batch\": 500\n}', 1, '增量导入', '1', '18811788263', '2021-03-30 16:13:34', '2024-07-08 11:00:11')`

const HISTORY = `CREATE TABLE qcc_change_history (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), update_time DATETIME NOT NULL);
  INSERT INTO qcc_change_history (name, update_time)
    VALUES ('甲', '2024-01-01'), ('it''s \\\\ a \\t tab', '2024-01-02'), (NULL, '2024-01-03');
  CREATE TABLE qcc_change_history2 LIKE qcc_change_history`

/** A configuration folder, a task store with the seed's task and tables for it. */
class Seed {
  readonly folder = scratchFile('etc')
  readonly store: TestDatabase
  readonly env: Record<string, string>

  private constructor(server: TestServer, store: TestDatabase, blog: TestDatabase) {
    this.store = store
    this.env = {
      LOCAL_DW_MYSQL_Z_ETL_HOST: server.host,
      LOCAL_DW_MYSQL_Z_ETL_USER: server.user,
      LOCAL_DW_MYSQL_Z_ETL_PASSWORD: server.password,
      TEST_PORT: String(server.port),
    }
    const connection = (db: string) => ({
      host: 'LOCAL_DW_MYSQL_Z_ETL_HOST',
      user: 'LOCAL_DW_MYSQL_Z_ETL_USER',
      password: 'LOCAL_DW_MYSQL_Z_ETL_PASSWORD',
      db,
      port: '${TEST_PORT}',
      charset: 'utf8',
    })
    const side = { mysql: { local_dw_blog: connection(blog.database) } }
    mkdirSync(this.folder)
    this.write('local.json', { task_meta: connection(store.database) })
    this.write('db_global.json', { from: side, to: side })
  }

  static async create(server: TestServer): Promise<{ seed: Seed; blog: TestDatabase }> {
    const store = await TestDatabase.create(server)
    const blog = await TestDatabase.create(server, HISTORY)
    const seed = new Seed(server, store, blog)
    const { stdout, stderr } = await seed.cli('init')
    expect(stdout, stderr).to.include('task_def_sync_manager').and.to.include('rowshift_run')
    await store.query(SEED_INSERT)
    return { seed, blog }
  }

  write(name: string, value: unknown): void {
    writeFileSync(join(this.folder, name), typeof value === 'string' ? value : JSON.stringify(value))
  }

  cli(...args: string[]) {
    return runCli([...args, '-c', this.folder], { env: this.env })
  }

  run(id: number, ...args: string[]) {
    return runWithReport(['run', String(id), '-c', this.folder, ...args], this.env)
  }
}

describe('the task table', () => {
  it('runs the seed’s task 5, in both forms of the command, and keeps a history', async () => {
    for (const server of servers()) {
      const { seed, blog } = await Seed.create(server)
      const first = await seed.run(5)
      expect(first.code, first.stderr).to.equal(0)
      expect(first.report).to.include({
        taskId: 5,
        mode: 'init',
        status: 'success',
        rowsWritten: 3,
        workerNum: 20,
      })
      await blog.expectEqual('qcc_change_history', 'qcc_change_history2')

      await blog.query('TRUNCATE TABLE qcc_change_history2')
      const second = await seed.cli('-e', 'local', '--id', '5')
      expect(second.code, second.stderr).to.equal(0)
      await blog.expectEqual('qcc_change_history', 'qcc_change_history2')

      const again = await seed.run(5)
      expectRefusal(again, 1, 'DUPLICATE_KEY', 'diff_column', 'run with --mode increment')
      expect(again.report.warnings.join('\n')).to.include(
        'diff_column (update_time) is not used to choose rows: mode "init" copies all rows, and remembers',
      )
      await blog.query("UPDATE qcc_change_history SET name = '乙', update_time = NOW() WHERE id = 2")
      // The tick of a DATETIME under way, and a second of distance.
      await untilLater(blog, 2.1)
      const increment = await seed.run(5, '--mode', 'increment')
      expect(increment.code, increment.stderr).to.equal(0)
      await blog.expectEqual('qcc_change_history', 'qcc_change_history2')
      const history = JSON.parse((await seed.cli('history', '5', '--json')).stdout) as Record<
        string,
        unknown
      >[]
      expect(history.map(({ status }) => status)).to.deep.equal(['success', 'failed', 'success', 'success'])
      expect(history[1]).to.include({ status: 'failed', task_id: 5, rows_written: 0 })
      expect(JSON.parse(history[2]!['report'] as string)).to.include({ status: 'success', rowsWritten: 3 })
    }
  })

  it('is listed, shown and planned without changing anything', async () => {
    for (const server of oneServer()) {
      const { seed, blog } = await Seed.create(server)
      expect((await seed.cli('init')).stdout).to.include('already there')
      expect((await seed.cli('list')).stdout).to.match(/5\s+yes\s+mysql local_dw_blog\.qcc_change_history/)
      const shown = JSON.parse((await seed.cli('show', '5', '--json')).stdout) as {
        owner: string
        params: string
      }
      expect(shown.owner).to.equal('18811788263')
      expect(JSON.parse(shown.params)).to.include({ worker_num: 20, read_batch: 5000, write_batch: 500 })
      const plan = await seed.cli('plan', '5')
      expect(plan.code, plan.stderr).to.equal(0)
      expect(plan.stdout)
        .to.match(/split key id/)
        .and.to.match(server.kind === 'mariadb' ? /write path bulk/ : /write path insert/)
        .and.to.match(/query +SELECT .*FORCE INDEX/)
        .and.to.match(/explain +\w+, key PRIMARY/)
      expect(await blog.value('SELECT COUNT(*) FROM qcc_change_history2')).to.equal('0')
      expect((await seed.cli('history')).stdout).to.include('no runs yet')
    }
  })

  it('refuses an unknown or offline task, an unknown type and a connection that is missing', async () => {
    for (const server of oneServer()) {
      const { seed } = await Seed.create(server)
      const copy = (id: number, changes: string) =>
        seed.store.query(
          `CREATE TEMPORARY TABLE t AS SELECT * FROM task_def_sync_manager WHERE id = 5; UPDATE t SET id = ${id}, ${changes};
           INSERT INTO task_def_sync_manager SELECT * FROM t; DROP TEMPORARY TABLE t`,
        )
      await copy(6, 'online_status = 0')
      await copy(7, "from_db_type = 'foxpro'")
      await copy(8, "to_app = 'elsewhere'")
      await copy(9, 'params = \'{"worker_num": 0, "read_batch": "x", "nonsense": 1}\'')
      await copy(10, "params = '{not json'")
      expectRefusal(await seed.run(404), 2, 'TASK_NOT_FOUND', '404')
      expectRefusal(await seed.run(6), 2, 'TASK_OFFLINE', 'online_status')
      expectRefusal(await seed.run(7), 2, 'PLUGIN_UNKNOWN', '"foxpro"')
      expectRefusal(await seed.run(8), 2, 'CONNECTION_UNKNOWN', 'to.mysql.elsewhere_blog', 'db_global.json')
      expectRefusal(
        await seed.run(9),
        2,
        'PARAMS_INVALID',
        'params.worker_num',
        'params.read_batch',
        '"nonsense"',
      )
      expectRefusal(await seed.run(10), 2, 'PARAMS_INVALID', 'JSON')
      expectRefusal(await seed.cli('show', '404'), 2, 'TASK_NOT_FOUND')
      expectRefusal(await seed.cli('run', 'five'), 2, 'USAGE')
      expectRefusal(await seed.cli('run', '5', '--mode', 'sideways'), 2, 'USAGE', 'sideways')
    }
  })

  it('refuses a missing variable, a broken file and a store without tables, and shows no secret', async () => {
    const [server] = servers()
    const { seed } = await Seed.create(server!)
    const { LOCAL_DW_MYSQL_Z_ETL_PASSWORD: secret, ...incomplete } = seed.env
    const missing = await runWithReport(['run', '5', '-c', seed.folder], incomplete)
    expectRefusal(missing, 2, 'VARIABLE_MISSING', 'LOCAL_DW_MYSQL_Z_ETL_PASSWORD', 'local.json')
    expect(missing.report).to.include({ status: 'failed', taskId: 5 })

    await seed.store.query('DROP TABLE task_def_sync_manager')
    expectRefusal(await seed.run(5), 2, 'TASK_STORE_MISSING', 'rowshift init')

    seed.write('db_global.json', `{"from": {"mysql": {"a_b": {"password": "${secret}" "host"`)
    const broken = await seed.cli('list')
    expectRefusal(broken, 2, 'CONFIG_INVALID', 'db_global.json', 'not JSON at line 1')
    seed.write('local.json', { task_meta: 7, from: { mysql: { a_b: 'text' } } })
    const wrong = await seed.cli('list')
    expectRefusal(wrong, 2, 'CONFIG_INVALID', 'task_meta', 'from.mysql.a_b', 'db_global.json')
    seed.write('db_global.json', '{}')
    seed.write('local.json', { task_meta: { db: 'x', hots: 'y', password: secret } })
    const unknown = await seed.cli('list')
    expectRefusal(unknown, 2, 'CONFIG_INVALID', '"hots"')
    expectRefusal(await runCli(['list', '-c', '/nowhere']), 2, 'CONFIG_INVALID', '/nowhere/local.json')
    for (const { stdout, stderr } of [missing, broken, wrong, unknown])
      expect(stdout + stderr).not.to.include(secret)
  })
})

/** The second seed's source tables, its trailing comma left out, and its own ALTER. */
const MIGRATION = `CREATE TABLE t_source_account_info (
    user_no varchar(20) NOT NULL COMMENT '用户号', status int NOT NULL DEFAULT '1' COMMENT '状态 1-禁用 0-启用',
    version int(11) NOT NULL DEFAULT '0' COMMENT '版本号', create_time timestamp NULL COMMENT '创建时间',
    modify_time timestamp NULL COMMENT '更新时间', PRIMARY KEY (user_no)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin comment '源数据账户表';
  ALTER TABLE t_source_account_info MODIFY COLUMN modify_time datetime NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP COMMENT '修改时间';
  CREATE TABLE t_account_log (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_no varchar(20) NOT NULL, amount DECIMAL(18,2) NOT NULL);
  CREATE TABLE account_copy LIKE t_source_account_info; CREATE TABLE log_copy LIKE t_account_log;
  INSERT INTO t_source_account_info (user_no, create_time, modify_time) VALUES ('U1', NOW(), NOW()), ('U2', NOW(), NULL), ('u2', NOW(), NOW());
  INSERT INTO t_account_log (user_no, amount) VALUES ('U1', 1), ('U2', 2.5)`

describe('the second seed’s tables', () => {
  it('are kept up to date: accounts by modify_time, log rows by id', async () => {
    for (const server of oneServer()) {
      const { seed, blog } = await Seed.create(server)
      await blog.query(MIGRATION)
      await seed.store.query(
        `INSERT INTO task_def_sync_manager (id, from_app, from_db_type, from_db, from_table, to_app, to_db_type, to_db, to_table, params, online_status, create_time, update_time)
         VALUES (10, 'local_dw', 'mysql', 'blog', 't_source_account_info', 'local_dw', 'mysql', 'blog', 'account_copy', '{"mode": "increment", "diff_column": "modify_time"}', 1, NOW(), NOW()),
                (11, 'local_dw', 'mysql', 'blog', 't_account_log', 'local_dw', 'mysql', 'blog', 'log_copy', '{"mode": "append"}', 1, NOW(), NOW())`,
      )
      const written = async (id: number, ...args: string[]) => {
        const { code, stderr, report } = await seed.run(id, ...args)
        expect(code, stderr).to.equal(0)
        return [report.rowsWritten, report.rowsChanged]
      }
      expect(await written(10, '--mode', 'init')).to.deep.equal([3, 0])
      expect(await written(11)).to.deep.equal([2, 0])
      await blog.query(
        `UPDATE t_source_account_info SET status = 0 WHERE user_no = 'U2';
         INSERT INTO t_source_account_info (user_no, modify_time) VALUES ('U3', NOW());
         INSERT INTO t_account_log (user_no, amount) VALUES ('U1', 3), ('U1', 4), ('U3', 5)`,
      )
      // The tick of a DATETIME under way, and a second of distance.
      await untilLater(blog, 2.1)
      expect(await written(10)).to.deep.equal([2, 1])
      expect(await written(11)).to.deep.equal([3, 0])
      await blog.expectEqual('t_source_account_info', 'account_copy')
      await blog.expectEqual('t_account_log', 'log_copy')
      expect(await written(11)).to.deep.equal([0, 0])
      expect(await written(10)).to.deep.equal([0, 0])
      expect(
        await seed.store.query(
          "SELECT task_id, mode FROM rowshift_watermark WHERE (task_id = 11 OR mode LIKE 'increment%') AND mode NOT LIKE '%:about' ORDER BY task_id",
        ),
      ).to.deep.equal([
        ['10', 'increment'],
        ['11', 'append'],
      ])
    }
  })
})
