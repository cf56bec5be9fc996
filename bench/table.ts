/** The table that every benchmark copies: ten columns of everyday types, about 190 bytes a row. */

export function createTable(name: string): string {
  return `CREATE TABLE ${name} (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_no VARCHAR(20) NOT NULL,
  status TINYINT NOT NULL,
  amount DECIMAL(18,4) NOT NULL,
  ratio DOUBLE NOT NULL,
  title VARCHAR(255) NOT NULL,
  note TEXT NOT NULL,
  version INT NOT NULL,
  created DATETIME(6) NOT NULL,
  modified TIMESTAMP NULL,
  KEY by_user (user_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`
}

const ROWS_PER_STATEMENT = 500_000

/**
 * The SQL that fills the table with `rows` rows. Every value is a function of the id, so the data is the same each
 * time and on each server; user_no is scattered, so its index is written at random places.
 */
export function fill(name: string, rows: number): string[] {
  const statements = [
    'CREATE TABLE IF NOT EXISTS numbers (n INT NOT NULL PRIMARY KEY)',
    `INSERT IGNORE INTO numbers SELECT a.d + b.d * 10 + c.d * 100
       FROM ${DIGITS} a JOIN ${DIGITS} b JOIN ${DIGITS} c`,
  ]
  for (let from = 0; from < rows; from += ROWS_PER_STATEMENT) {
    const to = Math.min(from + ROWS_PER_STATEMENT, rows)
    statements.push(`INSERT INTO ${name} SELECT id,
      CONCAT('U', LPAD(CRC32(id) % 1000000000000, 12, '0')),
      id % 5,
      (CRC32(id * 7) % 1000000000) / 10000,
      CRC32(id * 11) / (1 + CRC32(id) % 9973),
      CONCAT('订单标题 ', id, ' 数据同步', REPEAT('字', id % 7)),
      CONCAT('C:\\\\path\\\\', id, '\\tline one\\nline two ', REPEAT('x', id % 40)),
      CRC32(id * 13) % 100000,
      DATE_ADD('2020-01-01 00:00:00.000000', INTERVAL (id * 7919) * 1013 MICROSECOND),
      IF(id % 10 = 0, NULL, DATE_ADD('2020-01-01', INTERVAL id % 150000000 SECOND))
      FROM (SELECT a.n + b.n * 1000 + c.d * 1000000 + 1 AS id FROM ${DIGITS} c JOIN numbers b JOIN numbers a
            WHERE c.d BETWEEN ${Math.floor(from / 1e6)} AND ${Math.floor((to - 1) / 1e6)}) ids
      WHERE id > ${from} AND id <= ${to} ORDER BY id`)
  }
  statements.push(`ANALYZE TABLE ${name}`)
  return statements
}

const DIGITS = `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`
