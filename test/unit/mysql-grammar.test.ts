import { expect } from 'chai'
import { describe, it } from 'mocha'
import { parseTable } from '../../plugins/mysql/ddl.js'
import { checkTableDdl } from '../../plugins/mysql/grammar.js'

const check = (sql: string) => checkTableDdl('t', parseTable(sql))

describe('the definition of a MySQL table', () => {
  it('passes as servers show it', () => {
    for (const sql of [
      "CREATE TABLE `t` (\n  `id` int(11) NOT NULL DEFAULT -1 COMMENT 'AS SELECT; /* \\' */ -- ',\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='DATA DIRECTORY='",
      "CREATE TABLE `t` (`a` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), `b` set('a','b') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL, `select` bit(3) DEFAULT b'101', `g` int GENERATED ALWAYS AS ((`a` + 1)) STORED /*!80023 INVISIBLE */, `u` varchar(36) DEFAULT (uuid()), `s` bigint DEFAULT nextval(`d`.`s`), `p` point /*!80003 SRID 4326 */, `c` text /*M!100301 COMPRESSED*/, UNIQUE KEY `x` (`b`(10) DESC,(lower(`u`))) USING BTREE COMMENT 'x' /*!80000 INVISIBLE */, FULLTEXT KEY `f` (`c`) /*!50100 WITH PARSER `ngram` */, CONSTRAINT `k` CHECK ((`g` <> _utf8mb4'it\\'s') and json_valid(`c`)) /*!80016 NOT ENFORCED */) ENGINE=Aria AUTO_INCREMENT=10 `ENCRYPTED`=YES PAGE_CHECKSUM=1",
      "CREATE TABLE `t` (`y` int) ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (`y`)\nSUBPARTITION BY HASH (`y`)\n(PARTITION low VALUES LESS THAN (10) (SUBPARTITION s0 ENGINE = InnoDB) ENGINE = InnoDB,\n PARTITION high VALUES LESS THAN MAXVALUE COMMENT = 'x' ENGINE = InnoDB) */",
      "CREATE TABLE `t` (`x` int, `s` timestamp(6) GENERATED ALWAYS AS ROW START, `e` timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (`s`, `e`)) ENGINE=InnoDB WITH SYSTEM VERSIONING\n PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH STARTS TIMESTAMP'2020-01-01 00:00:00'\n(PARTITION `p0` HISTORY ENGINE = InnoDB, PARTITION `c` CURRENT ENGINE = InnoDB)",
    ]) {
      expect(() => check(sql), sql).not.to.throw()
    }
  })

  const TABLE = 'CREATE TABLE `t` (`id` int) ENGINE=InnoDB'
  for (const sql of [
    `${TABLE} AS SELECT password FROM secret.users`,
    `${TABLE} SELECT 1`,
    `${TABLE} (SELECT 1)`,
    `${TABLE} IGNORE AS (SELECT 1 AS id)`,
    `${TABLE}; DROP TABLE other`,
    `${TABLE} /* AS SELECT 1 */`,
    `${TABLE} /*!50100 AS SELECT 1 */`,
    // A server that skips the comment takes the string for the rest of it, and what is in the string for SQL.
    `${TABLE} /*!99999 COMMENT='*/ AS SELECT 1 /*' */`,
    `${TABLE} /*!50100 PARTITION BY HASH (id)`,
    `${TABLE} -- x`,
    `${TABLE} # x`,
    `${TABLE} DATA DIRECTORY='/tmp'`,
    `${TABLE} UNION=(secret)`,
    `${TABLE} CONNECTION='mysql://root@other/secret'`,
    `${TABLE} FILE_NAME='/etc/passwd'`,
    `${TABLE} PARTITION BY HASH (id) (PARTITION p0 DATA DIRECTORY = '/tmp')`,
    `${TABLE} PARTITION BY HASH ((SELECT 1))`,
    'CREATE TABLE `t` LIKE secret',
    'CREATE TABLE `t` (LIKE secret)',
    'CREATE TABLE `t` (`id` int AS SELECT)',
    'CREATE TABLE `t` (`id` int DEFAULT (SELECT 1))',
    'CREATE TABLE `t` (`id` int DEFAULT (@x := 1))',
    'CREATE TABLE `t` (`id` int /* x */)',
    'CREATE TABLE `t` (`id` int, CHECK (id > 1 /* x */))',
    "CREATE TABLE `t` (`id` int COMMENT 'x)",
  ]) {
    it(`does not pass with more: ${sql}`, () => {
      expect(() => check(sql))
        .to.throw()
        .with.property('code', 'CREATE_FAILED')
    })
  }
})
