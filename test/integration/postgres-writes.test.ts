// Rows on their way into PostgreSQL: every byte, rows that it rejects, values that move, and targets that cannot be written to.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { query, server } from '../support/context.js'
import { createEncoded } from '../support/postgres-session.js'
import { expectRefusal, type Outcome, scratchFile, TestDatabase } from '../support/copying.js'

const create = (sql: string) => TestDatabase.create(server('postgres'), sql)

function counts({ report }: Outcome) {
  const { rowsRead, rowsWritten, rowsChanged, rowsUnchanged, dirtyRows } = report
  return [rowsRead, rowsWritten, rowsChanged, rowsUnchanged, dirtyRows]
}

function expectSuccess(outcome: Outcome): void {
  expect(outcome.code, outcome.stderr).to.equal(0)
}

describe('rows of MySQL in PostgreSQL', () => {
  it('arrive byte by byte, whatever COPY takes them for; a text with a NUL character is rejected', async () => {
    const from = await TestDatabase.create(
      server('mysql'),
      String.raw`CREATE TABLE s (id INT PRIMARY KEY, t TEXT, b BLOB);
       INSERT INTO s VALUES (1, '\\.', '\\.'), (2, '\\N', '\\N'), (3, '', ''), (4, NULL, NULL), (5, 'a\tb\nc\rd\\e', 'a\tb\nc\rd\\e'),
         (6, '\\012\\x41\\b', '\\012\\x41\\b'), (7, 'x', X'000130003100FF80'), (8, '中🙂', X'F09F'),
         (9, REPEAT('\\\t', 30000), REPEAT(X'005C0A', 20000));
       CREATE TABLE n (id INT PRIMARY KEY, t TEXT); INSERT INTO n VALUES (1, 'a'), (2, X'620031'), (3, 'c\0'), (4, 'd')`,
    )
    const to = await create(
      'CREATE TABLE t (id int PRIMARY KEY, t text, b bytea); CREATE TABLE n (id int PRIMARY KEY, t text)',
    )
    expectSuccess(await from.copyTo('s', to.url('t')))
    expect(
      await to.query(
        "SELECT id, encode(sha256(convert_to(t, 'UTF8')), 'hex'), encode(sha256(b), 'hex') FROM t ORDER BY id",
      ),
    ).to.deep.equal(await from.query('SELECT id, SHA2(t, 256), SHA2(b, 256) FROM s ORDER BY id'))

    expectRefusal(
      await from.copyTo('n', to.url('n')),
      1,
      'DATA_REJECTED',
      'id = "2"',
      'has no place in n.t (text)',
    )
    expect(await to.value('SELECT count(*) FROM n')).to.equal('0')
    const dirty = { error_limit: 2, dirty_file: scratchFile('tsv') }
    expect(counts(await from.copyTo('n', to.url('n'), dirty))).to.deep.equal([4, 2, 0, 0, 2])
    expect(await to.query('SELECT * FROM n ORDER BY id')).to.deep.equal([
      ['1', 'a'],
      ['4', 'd'],
    ])
  })
})

describe('characters that the encoding of a database lacks', () => {
  const encodings = { LATIN1: ['grün', 'a??é', '???'], EUC_JP: ['grün', 'a??é', '日本?'] }
  for (const [encoding, texts] of Object.entries(encodings))
    it(`become "?" where that loss is accepted, and are found in no row: ${encoding}`, async () => {
      const from = await create(
        "CREATE TABLE s (id int PRIMARY KEY, v text); INSERT INTO s VALUES (1, 'grün'), (2, 'a订🙂é'), (3, '日本€')",
      )
      const { server: at, database } = from
      const name = `${database}_${encoding.toLowerCase()}`
      await createEncoded(at, name, encoding)
      try {
        await query(at, 'CREATE TABLE t (id int PRIMARY KEY, v text)', name)
        const to = `${at.url}/${name}?table=t`
        expectRefusal(await from.copyTo('s', to), 3, 'LOSSY', `characters outside ${encoding}`)
        expectSuccess(await from.copyTo('s', to, { allow_lossy: ['v'] }))
        expect((await query(at, 'SELECT v FROM t ORDER BY id', name)).flat()).to.deep.equal(texts)

        await from.query('CREATE TABLE found (id int PRIMARY KEY, n int)')
        const lookup = { in: `${at.url}/${name}`, table: 't', key: 'v', value: 'id', missing: 'null' }
        const columns = ['id', { from: 'v', to: 'n', lookup }]
        expectSuccess(await from.copy('s', 'found', { columns }))
        expect((await from.query('SELECT n FROM found ORDER BY id')).flat()).to.deep.equal(['1', null, null])
      } finally {
        await query(at, `DROP DATABASE ${name} WITH (FORCE)`)
      }
    })
})

/** 1,000 rows, of which the target rejects six, each for a reason of its own; it has ten rows, of which five differ. */
const REJECTING = `
  CREATE TABLE s (id int PRIMARY KEY, v text, n int, p int, u text);
  INSERT INTO s SELECT i, 'v' || i, i, 1, 'u' || i FROM generate_series(1, 1000) i;
  UPDATE s SET n = -5 WHERE id = 100; UPDATE s SET v = 'bad' WHERE id = 200; UPDATE s SET v = NULL WHERE id = 300;
  UPDATE s SET p = 9 WHERE id = 400; UPDATE s SET u = 'u2' WHERE id = 500;
  CREATE DOMAIN good AS text CHECK (VALUE <> 'bad'); CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
  CREATE TABLE t (id int PRIMARY KEY, v good, n int CONSTRAINT positive CHECK (n > 0), p int, u text UNIQUE,
    CONSTRAINT given CHECK (v IS NOT NULL), CONSTRAINT not_600 CHECK (id <> 600), FOREIGN KEY (p) REFERENCES p DEFERRABLE INITIALLY DEFERRED)`

describe('rows that PostgreSQL rejects', () => {
  for (const mode of ['insert', 'upsert', 'ignore', 'replace']) {
    it(`are kept in a file, and all others go in: ${mode}`, async () => {
      const database = await create(REJECTING)
      const dirty_file = scratchFile('tsv')
      const params = { write_mode: mode, read_batch: 300, dirty_file, error_limit: 6 }
      if (mode !== 'insert')
        await database.query(
          "INSERT INTO t SELECT * FROM s WHERE id <= 10; UPDATE t SET v = 'old' WHERE id <= 5",
        )
      const outcome = await database.copy('s', 't', params)
      expectSuccess(outcome)
      // A row that has the unique value of another one takes its place by "replace".
      const rejected =
        mode === 'replace' ? ['100', '200', '300', '400', '600'] : ['100', '200', '300', '400', '500', '600']
      expect(outcome.report.dirtyRows).to.equal(rejected.length)
      const lines = readFileSync(dirty_file, 'utf8').trimEnd().split('\n')
      const reasons = new Map(lines.map((line) => [line.split('\t')[0]!, line.split('\t').slice(-3)]))
      expect([...reasons.keys()].sort()).to.deep.equal(rejected)
      expect(reasons.get('100')!.join())
        .to.include('DATA_REJECTED')
        .and.to.include('positive')
        .and.to.include('id = "100"')
      expect(reasons.get('200')!.join()).to.include('DATA_REJECTED').and.to.include('good')
      expect(reasons.get('400')!.join()).to.include('DATA_REJECTED,p,').and.to.include('Its p is "9"')
      if (mode !== 'replace') expect(reasons.get('500')!.join()).to.include('DUPLICATE_KEY,u,')
      const same = 'SELECT count(*) FROM s JOIN t USING (id) WHERE (s.*)::text = (t.*)::text'
      const equal = { insert: 994, upsert: 994, ignore: 989, replace: 994 }[mode]
      expect(await database.value(same)).to.equal(String(equal))
      expect(await database.value('SELECT count(*) FROM t')).to.equal('994')
    })
  }

  it('fail the run by themselves, and nothing of their split stays', async () => {
    const database = await create(REJECTING)
    const outcome = await database.copy('s', 't', { worker_num: 1, read_batch: 90 })
    expectRefusal(outcome, 1, 'DATA_REJECTED', 'positive', 'id = "100"')
    expect(Number(await database.value('SELECT max(id) FROM t'))).to.be.below(100)
  })
})

const RINGS = `
  DROP TABLE IF EXISTS s, t, c;
  CREATE TABLE s (id int PRIMARY KEY, a int, b text);
  CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int UNIQUE, b text, note bytea, low text GENERATED ALWAYS AS (lower(b)) STORED, UNIQUE (b));
  INSERT INTO t (id, a, b, note) OVERRIDING SYSTEM VALUE SELECT i, i, 'B' || i, decode(to_hex(i + 256), 'hex') FROM generate_series(1, 60) i WHERE i <> 40;
  INSERT INTO s SELECT i, i % 30 + 1, 'B' || (i + 7) % 30 FROM generate_series(1, 29) i;
  INSERT INTO s VALUES (30, 1, NULL), (31, NULL, 'B31'), (40, 31, 'B40'), (41, 42, 'B41'), (42, 41, 'B42')`

describe('unique values that move between rows of PostgreSQL', () => {
  it('arrive in lines and rings, of one key and of several, and leave all other columns as they are', async () => {
    const db = await create(RINGS.replaceAll('to_hex(i + 256)', "lpad(to_hex(i), 4, '0')"))
    for (const params of [{ worker_num: 3, read_batch: 7 }, { worker_num: 1 }]) {
      const outcome = await db.copy('s', 't', { write_mode: 'upsert', ...params })
      expectSuccess(outcome)
      expect(outcome.report.rowsWritten + outcome.report.rowsUnchanged).to.equal(34)
      const equal =
        'SELECT count(*) FROM s JOIN t USING (id) WHERE s.a IS NOT DISTINCT FROM t.a AND s.b IS NOT DISTINCT FROM t.b'
      expect(await db.value(equal)).to.equal('34')
      const kept =
        "SELECT count(*) FROM t WHERE low IS NOT DISTINCT FROM lower(b) AND (note = decode(lpad(to_hex(id), 4, '0'), 'hex') OR id = 40)"
      expect(await db.value(kept)).to.equal('60')
    }
  })

  it('are not exchanged where a trigger or a foreign key would notice; a row that keeps its value is named', async () => {
    const db = await create('')
    for (const [ddl, name] of [
      [
        'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$; CREATE TRIGGER on_delete AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()',
        'trigger on_delete',
      ],
      ['CREATE TABLE c (u text CONSTRAINT to_u REFERENCES t (u))', 'foreign key to_u of c'],
    ] as const) {
      await db.query(
        `DROP TABLE IF EXISTS s, t, c; CREATE TABLE s (id int PRIMARY KEY, u text NOT NULL); CREATE TABLE t (id int PRIMARY KEY, u text NOT NULL UNIQUE);
         INSERT INTO s VALUES (1, 'b'), (2, 'a'), (3, 'z'); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (9, 'z'); ${ddl}`,
      )
      expectRefusal(await db.copy('s', 't', { write_mode: 'upsert' }), 1, 'DUPLICATE_KEY', name, 'id = "')
    }
    await db.query('DROP TABLE c')
    const dirty = { error_limit: 1, dirty_file: scratchFile('tsv') }
    expect(counts(await db.copy('s', 't', { write_mode: 'upsert', ...dirty }))).to.deep.equal([3, 2, 2, 0, 1])
    expect(readFileSync(dirty.dirty_file, 'utf8')).to.include('with id = "9" keeps')
    expect(await db.query('SELECT * FROM t ORDER BY id')).to.deep.equal([
      ['1', 'b'],
      ['2', 'a'],
      ['9', 'z'],
    ])
  })
})

const PARTED = `
  DROP TABLE IF EXISTS s, t, c; CREATE TABLE s (id int PRIMARY KEY, v text); INSERT INTO s SELECT i, 'v' FROM generate_series(1, 20) i;
  CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF t FOR VALUES FROM (1) TO (10);
  CREATE TABLE high PARTITION OF t FOR VALUES FROM (10) TO (100); INSERT INTO t VALUES (1, 'v'), (15, 'old')`

describe('a trigger of a partition', () => {
  it('that drops a row, or a change of one, is found before rows move, and when it does so', async () => {
    const db = await create(
      'CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id = 17 THEN RETURN NULL; END IF; RETURN NEW; END$$',
    )
    const repeated = 'ALTER TABLE s DROP CONSTRAINT s_pkey; INSERT INTO s SELECT id, v FROM s WHERE id > 5'
    for (const more of ['SELECT 1', repeated]) {
      for (const write_mode of ['ignore', 'upsert', 'replace']) {
        if (more === repeated && write_mode !== 'upsert') continue
        await db.query(`${PARTED}; ${more}`)
        await db.query('CREATE TRIGGER dropper BEFORE INSERT ON high FOR EACH ROW EXECUTE FUNCTION nothing()')
        const all = "SELECT string_agg(id || v, ',' ORDER BY id) FROM t"
        const before = await db.value(all)
        expectRefusal(await db.copy('s', 't', { write_mode }), 3, 'LOSSY', 'dropper')
        const dropped = await db.copy('s', 't', { write_mode, allow_triggers: true, worker_num: 1 })
        expectRefusal(dropped, 1, 'COUNT_MISMATCH', 'trigger')
        expect(await db.value(all), write_mode).to.equal(before)
      }
      await db.query(`${PARTED}; ${more}; UPDATE t SET id = 17 WHERE id = 15`)
      await db.query('CREATE TRIGGER keeper BEFORE UPDATE ON high FOR EACH ROW EXECUTE FUNCTION nothing()')
      const upsert = { write_mode: 'upsert', allow_triggers: true, worker_num: 1 }
      expectRefusal(await db.copy('s', 't', upsert), 1, 'COUNT_MISMATCH', 'has kept the old one')
      await db.query('UPDATE t SET id = 16 WHERE id = 17')
      expectSuccess(await db.copy('s', 't', upsert))
    }
  })
})

describe('what refers to rows that are replaced', () => {
  it('is not deleted with them: the plan refuses "replace", of triggers too', async () => {
    const db = await create('')
    for (const [action, refusal] of [
      ['CASCADE', 'CASCADE'],
      ['SET NULL', 'SET NULL'],
      ['SET DEFAULT', 'SET DEFAULT'],
    ] as const) {
      for (const parent of ['t', 'low']) {
        await db.query(
          `${PARTED}; CREATE TABLE c (t int DEFAULT 1 CONSTRAINT to_t REFERENCES ${parent} ON DELETE ${action}); INSERT INTO c VALUES (1)`,
        )
        const outcome = await db.copy('s', 't', { write_mode: 'replace', allow_triggers: true })
        expectRefusal(outcome, 3, 'LOSSY', `to_t of c (ON DELETE ${refusal})`, '"upsert"')
        expect(await db.value('SELECT t FROM c')).to.equal('1')
      }
    }
    await db.query(
      `${PARTED}; CREATE FUNCTION heard() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$;
       CREATE TRIGGER hears AFTER DELETE ON low FOR EACH ROW EXECUTE FUNCTION heard()`,
    )
    expectRefusal(await db.copy('s', 't', { write_mode: 'replace' }), 3, 'LOSSY', 'hears')
    expectSuccess(await db.copy('s', 't', { write_mode: 'upsert' }))
  })
})

describe('before a row moves into PostgreSQL', () => {
  it('what cannot be written to is said', async () => {
    const user = `writer_${process.pid}`
    const db = await create(
      `CREATE TABLE s (id int PRIMARY KEY, v text); INSERT INTO s VALUES (1, 'a'), (2, 'b');
       CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE VIEW v AS SELECT * FROM t; CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, v text);
       CREATE TABLE ruled (id int PRIMARY KEY, v text); CREATE RULE also AS ON INSERT TO ruled DO ALSO DELETE FROM late;
       CREATE TABLE held (id int PRIMARY KEY, v text); ALTER TABLE held ENABLE ROW LEVEL SECURITY;
       CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := upper(NEW.v); RETURN NEW; END$$;
       CREATE TABLE heard (id int PRIMARY KEY, v text); CREATE TRIGGER louder BEFORE UPDATE ON heard FOR EACH ROW EXECUTE FUNCTION loud();
       CREATE ROLE ${user} LOGIN PASSWORD 'x'; GRANT INSERT, SELECT ON held, t TO ${user}; GRANT SELECT ON heard TO ${user}`,
    )
    try {
      const by = (table: string) => db.url(table).replace(/\/\/[^@]*@/, `//${user}:x@`)
      const upsert = { write_mode: 'upsert' }
      expectRefusal(await db.copy('s', 'v'), 2, 'TABLE_NOT_FOUND', 'is a view')
      expectRefusal(await db.copy('s', 'late', upsert), 2, 'KEY_REQUIRED', 'late_pkey is DEFERRABLE')
      expectRefusal(await db.copy('s', 'ruled', upsert), 1, 'SERVER_ERROR', 'rule')
      expectRefusal(await db.copy('s', 'heard', upsert), 3, 'LOSSY', 'louder')
      expectRefusal(await db.copyTo('s', by('heard')), 1, 'ACCESS_DENIED', 'permission denied')
      expectRefusal(await db.copyTo('s', by('held')), 1, 'ACCESS_DENIED', 'row-level security')
      expectRefusal(await db.copyTo('s', by('t'), upsert), 1, 'ACCESS_DENIED', 'permission denied')
      const readOnly = { session: ['SET default_transaction_read_only = on'] }
      expectRefusal(await db.copy('s', 't', readOnly), 2, 'READ_ONLY', 'Nothing was written')
      expect(await db.value('SELECT count(*) FROM t')).to.equal('0')
      const warned = await db.copyTo('s', by('t'))
      expectSuccess(warned)
      expect(warned.report.warnings.join()).to.include('t_id_seq stays as it is')
    } finally {
      await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  it('is warned of where a subscription writes to the table, too', async () => {
    const db = await create(
      `CREATE TABLE s (id int PRIMARY KEY); INSERT INTO s VALUES (1); CREATE TABLE t (id int PRIMARY KEY);
       SET allow_system_table_mods = on; INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) VALUES (1, 't'::regclass, 'r')`,
    )
    const copied = await db.copy('s', 't')
    expectSuccess(copied)
    expect(copied.report.warnings.join()).to.include('target t also gets rows from another server')
  })
})
