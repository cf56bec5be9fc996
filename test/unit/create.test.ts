import { expect } from 'chai'
import { describe, it } from 'mocha'
import { nearestCollation } from '../../plugins/mysql/collations.js'
import { keyParts, literalDefault, parseTable, printTable } from '../../plugins/mysql/ddl.js'
import { mappedTypes } from '../../plugins/mysql/types.js'
import { indexFor, nameOfIndex, tableFor } from '../../plugins/sqlite/ddl.js'
import type { Column, ValueRange } from '../../src/contract/plugin.js'

describe('SHOW CREATE TABLE', () => {
  const SQL = `CREATE TABLE \`a\`\`b\nc\` (
  \`x, (y\` varchar(5) DEFAULT 'it''s \\\\ \\n, (' COMMENT 'a, ) b',
  \`n\` decimal(10,2) DEFAULT -1.50,
  \`g\` int GENERATED ALWAYS AS ((\`n\` + 1)) VIRTUAL /*!80023 INVISIBLE */,
  PRIMARY KEY (\`x, (y\`(3),\`n\` DESC),
  KEY \`f\` (((\`n\` + 1))),
  CONSTRAINT \`c\` CHECK ((\`n\` > 1)),
  CONSTRAINT \`fk\` FOREIGN KEY (\`n\`) REFERENCES \`p\` (\`id\`)
) ENGINE=InnoDB COMMENT='z'
/*!50100 PARTITION BY KEY (n)
PARTITIONS 3 */`

  it('is cut into items and printed to the same text', () => {
    const ddl = parseTable(SQL)
    expect(printTable('a`b\nc', ddl)).to.equal(SQL)
    expect(ddl.items.map(({ kind }) => kind)).to.deep.equal([
      'column',
      'column',
      'column',
      'primary',
      'index',
      'check',
      'foreign',
    ])
    expect(ddl.items.map(({ name }) => name)).to.deep.equal(['x, (y', 'n', 'g', 'PRIMARY', 'f', 'c', 'fk'])
    expect(keyParts(ddl.items[3]!)).to.deep.equal(['x, (y', 'n'])
    expect(keyParts(ddl.items[4]!)).to.deep.equal([null])
    expect(ddl.items.slice(0, 3).map(literalDefault)).to.deep.equal(["it's \\ \n, (", '-1.50', null])
  })
})

describe('the nearest collation', () => {
  const mysql = new Set([
    'utf8mb4_0900_ai_ci',
    'utf8mb4_0900_as_ci',
    'utf8mb4_0900_as_cs',
    'utf8mb4_0900_bin',
    'utf8mb4_bin',
    'utf8mb4_general_ci',
    'utf8mb3_unicode_520_ci',
    'utf8mb3_general_ci',
    'latin1_bin',
  ])
  const mariadb = new Set([
    'utf8mb4_uca1400_nopad_ai_ci',
    'utf8mb4_uca1400_nopad_as_cs',
    'utf8mb4_nopad_bin',
    'utf8mb4_bin',
    'utf8mb4_unicode_520_ci',
    'utf8_general_ci',
  ])
  const cases: [string, ReadonlySet<string>, string | null][] = [
    ['utf8mb4_uca1400_ai_ci', mysql, 'utf8mb4_0900_ai_ci'],
    ['utf8mb4_uca1400_swedish_as_ci', mysql, 'utf8mb4_0900_as_ci'],
    ['utf8mb4_uca1400_ai_cs', mysql, 'utf8mb4_0900_as_cs'],
    ['utf8mb4_nopad_bin', mysql, 'utf8mb4_0900_bin'],
    ['utf8mb4_general_nopad_ci', mysql, 'utf8mb4_general_ci'],
    ['utf8mb3_uca1400_ai_ci', mysql, 'utf8mb3_unicode_520_ci'],
    ['latin1_nopad_bin', mysql, 'latin1_bin'],
    ['utf8mb4_0900_ai_ci', mariadb, 'utf8mb4_uca1400_nopad_ai_ci'],
    ['utf8mb4_ja_0900_as_cs', mariadb, 'utf8mb4_uca1400_nopad_as_cs'],
    ['utf8mb4_0900_bin', mariadb, 'utf8mb4_nopad_bin'],
    ['utf8mb3_general_ci', mariadb, 'utf8_general_ci'],
    ['koi8r_general_ci', mariadb, null],
  ]
  for (const [from, known, to] of cases) {
    it(`to ${from} is ${to ?? 'none'}`, () => expect(nearestCollation(from, known)).to.equal(to))
  }
})

describe('types for rows of another family', () => {
  const column = (
    name: string,
    kind: Column['kind'],
    type: string,
    valueRange: ValueRange = { dynamic: true },
  ): Column => ({
    name,
    kind,
    type,
    nullable: true,
    hasDefault: false,
    generated: false,
    ordered: true,
    valueRange,
  })

  it('fit into an index where a key needs them, and into a row', () => {
    const columns = [column('a', 'text', 'TEXT'), column('b', 'bytes', 'BLOB'), column('n', 'integer', 'INT')]
    expect(Object.fromEntries(mappedTypes(columns, []))).to.deep.equal({
      a: 'longtext',
      b: 'longblob',
      n: 'bigint',
    })
    expect(
      Object.fromEntries(mappedTypes(columns, [{ columns: ['a', 'b', 'n'] }, { columns: ['a'] }])),
    ).to.deep.equal({
      a: 'varchar(371)',
      b: 'varbinary(1484)',
      n: 'bigint',
    })
    const many = Array.from({ length: 100 }, (_, i) => column(`c${i}`, 'text', 'VARCHAR(200)'))
    expect(new Set(mappedTypes(many, []).values())).to.deep.equal(new Set(['longtext']))
    expect([...mappedTypes(many.slice(0, 2), []).values()]).to.deep.equal(['varchar(200)', 'varchar(200)'])
  })

  it('go by what the source enforces, whatever stands in parentheses', () => {
    const years = { earliest: '0001-01-01 00:00:00', latest: '9999-12-31 23:59:59' }
    const columns = [
      column('a', 'text', 'interval(3)', {}),
      column('b', 'text', 'character varying(20)', { maxChars: 20 }),
      column('c', 'decimal', 'numeric(100,10)', { precision: 100, scale: 10 }),
      column('d', 'decimal', 'price', { precision: 8, scale: 2 }),
      column('e', 'decimal', 'numeric', { dynamic: true }),
      column('f', 'instant', 'timestamp(3) with time zone', years),
      column('g', 'instant', 'timestamp', { earliest: '1970-01-01 00:00:01', latest: '2038-01-19 03:14:07' }),
    ]
    expect(Object.fromEntries(mappedTypes(columns, [], ['d']))).to.deep.equal({
      a: 'longtext',
      b: 'varchar(20)',
      c: 'longtext',
      d: 'decimal(8,2)',
      e: 'decimal(65,30)',
      f: 'datetime(6)',
      g: 'timestamp(6)',
    })
  })
})

describe('statements of sqlite_schema', () => {
  it('get another name and keep their text', () => {
    const sql = `CREATE TABLE "a ""table" (a INT, -- a, comment (\n b TEXT CHECK (b <> ')')) WITHOUT ROWID`
    expect(tableFor(sql, 'new').sql).to.equal(sql.replace('"a ""table"', '"new"'))
    expect(indexFor('CREATE UNIQUE INDEX [an index] ON `t`(a, b DESC) WHERE a > 0', 'i', 't2')).to.equal(
      'CREATE UNIQUE INDEX "i" ON "t2"(a, b DESC) WHERE a > 0',
    )
    expect(nameOfIndex('CREATE INDEX "a ""b" ON t(a)')).to.equal('a "b')
    expect(nameOfIndex('CREATE INDEX plain ON t(a)')).to.equal('plain')
  })

  it('lose their foreign keys and nothing else', () => {
    const sql = `CREATE TABLE t (a INT CONSTRAINT x REFERENCES p (id) ON DELETE SET NULL MATCH FULL NOT DEFERRABLE NOT NULL /* c */,
      b INT REFERENCES p DEFAULT 1, "references" TEXT, CONSTRAINT y FOREIGN KEY (a) REFERENCES p, FOREIGN KEY (b) REFERENCES p (id), CHECK (a > 0))`
    const { sql: made, foreignKeys } = tableFor(sql, 't')
    expect(foreignKeys).to.equal(4)
    expect(made.replaceAll(/\s+/g, ' ')).to.equal(
      'CREATE TABLE "t" ( a INT NOT NULL, b INT DEFAULT 1, "references" TEXT, CHECK (a > 0) )',
    )
  })

  it('are refused when they are more than one table or index', () => {
    for (const sql of [
      "CREATE TABLE t (a INT); ATTACH '/tmp/x' AS x",
      'CREATE TABLE t AS SELECT (1)',
      'CREATE TABLE t',
      'CREATE TABLE t (a INT) STRICT; SELECT 1',
      'CREATE TABLE t (a INT',
    ]) {
      expect(() => tableFor(sql, 'n'), sql)
        .to.throw()
        .with.property('code', 'CREATE_FAILED')
    }
    for (const sql of [
      'CREATE INDEX i ON t(a); DROP TABLE u',
      'CREATE TRIGGER i INDEX ON t(a)',
      'DROP INDEX i ON t(a)',
    ]) {
      expect(() => indexFor(sql, 'i', 't'), sql)
        .to.throw()
        .with.property('code', 'CREATE_FAILED')
    }
    const strict = 'CREATE TABLE t (a INT) -- so\n STRICT, WITHOUT ROWID'
    expect(tableFor(strict, 't').sql).to.equal('CREATE TABLE "t" (a INT) -- so\n STRICT, WITHOUT ROWID')
  })
})
