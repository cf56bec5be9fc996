/** The tables that benchmarks copy. Every value is a function of the id, so the data is the same each time and on each server. */

export interface Shape {
  readonly describes: string
  /** Names with types, but for `id`. */
  readonly columns: readonly (readonly [name: string, type: string, sql: string])[]
  /** Secondary indexes; scattered values, so that they are written at random places. */
  readonly indexes: readonly string[]
  /** So many rows for one of the ten-column table, which is about as much data, or less. */
  readonly share: number
}

const TEN: Shape = {
  describes: 'ten columns of everyday types, about 190 bytes a row, one scattered secondary index',
  columns: [
    ['user_no', 'VARCHAR(20) NOT NULL', "CONCAT('U', LPAD(CRC32(id) % 1000000000000, 12, '0'))"],
    ['status', 'TINYINT NOT NULL', 'id % 5'],
    ['amount', 'DECIMAL(18,4) NOT NULL', '(CRC32(id * 7) % 1000000000) / 10000'],
    ['ratio', 'DOUBLE NOT NULL', 'CRC32(id * 11) / (1 + CRC32(id) % 9973)'],
    ['title', 'VARCHAR(255) NOT NULL', "CONCAT('订单标题 ', id, ' 数据同步', REPEAT('字', id % 7))"],
    [
      'note',
      'TEXT NOT NULL',
      "CONCAT('C:\\\\path\\\\', id, '\\tline one\\nline two ', REPEAT('x', id % 40))",
    ],
    ['version', 'INT NOT NULL', 'CRC32(id * 13) % 100000'],
    [
      'created',
      'DATETIME(6) NOT NULL',
      "DATE_ADD('2020-01-01 00:00:00.000000', INTERVAL (id * 7919) * 1013 MICROSECOND)",
    ],
    [
      'modified',
      'TIMESTAMP NULL',
      "IF(id % 10 = 0, NULL, DATE_ADD('2020-01-01', INTERVAL id % 150000000 SECOND))",
    ],
  ],
  indexes: ['KEY by_user (user_no)'],
  share: 1,
}

/** Of each group of eight columns one. */
const WIDE: Shape['columns'][] = Array.from({ length: 10 }, (_, group) => [
  [`n${group}`, 'INT NOT NULL', `CRC32(id + ${group}) % 100000`],
  [`b${group}`, 'BIGINT NULL', `IF(id % 7 = ${group % 7}, NULL, CRC32(id * ${group + 2}))`],
  [`d${group}`, 'DECIMAL(12,2) NOT NULL', `(CRC32(id + ${group}) % 10000000) / 100`],
  [`s${group}`, 'VARCHAR(40) NOT NULL', `CONCAT('value ', id % 1000, ' of ${group}')`],
  [`c${group}`, 'CHAR(8) NOT NULL', `LPAD(id % 99999, 8, '0')`],
  [`f${group}`, 'DOUBLE NOT NULL', `CRC32(id * ${group + 3}) / 1024`],
  [`t${group}`, 'DATETIME NOT NULL', `DATE_ADD('2020-01-01', INTERVAL (id + ${group}) % 150000000 SECOND)`],
  ...(group === 9 ? [] : ([[`y${group}`, 'TINYINT NOT NULL', `id % ${group + 3}`]] as const)),
])

export const shapes: Readonly<Record<string, Shape>> = {
  ten: TEN,
  narrow: {
    describes: 'four columns, about 40 bytes a row, one scattered secondary index',
    columns: [
      ['customer', 'INT NOT NULL', 'CRC32(id) % 1000000'],
      ['amount', 'DECIMAL(12,2) NOT NULL', '(CRC32(id * 7) % 10000000) / 100'],
      ['created', 'DATETIME NOT NULL', "DATE_ADD('2020-01-01', INTERVAL id % 150000000 SECOND)"],
    ],
    indexes: ['KEY by_customer (customer)'],
    share: 1,
  },
  wide: {
    describes: '80 columns, about 800 bytes a row, two scattered secondary indexes',
    columns: WIDE.flat(),
    indexes: ['KEY by_number (n0)', 'KEY by_text (s3)'],
    share: 0.2,
  },
  blob: {
    describes: 'a key, a name and a BLOB of 1 to 20 kB of any bytes, one scattered secondary index',
    columns: [
      ['name', 'VARCHAR(40) NOT NULL', "CONCAT('file ', MD5(id))"],
      ['content', 'MEDIUMBLOB NOT NULL', 'REPEAT(UNHEX(SHA2(id, 512)), 16 + CRC32(id) % 300)'],
    ],
    indexes: ['KEY by_name (name)'],
    share: 0.02,
  },
}

export function shapeOf(name: string): Shape {
  const shape = shapes[name]
  if (!shape) throw new Error(`there is no table "${name}"; there are ${Object.keys(shapes).join(', ')}`)
  return shape
}

export function createTable(name: string, { columns, indexes }: Shape = TEN, indexed = true): string {
  const parts = [
    'id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY',
    ...columns.map(([column, type]) => `${column} ${type}`),
    ...(indexed ? indexes : []),
  ]
  return `CREATE TABLE ${name} (\n  ${parts.join(',\n  ')}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`
}

const ROWS_PER_STATEMENT = 500_000

/** The SQL that fills such a table with so many rows. */
export function fill(name: string, rows: number, { columns }: Shape = TEN): string[] {
  const values = columns.map(([, , sql]) => sql).join(',\n      ')
  const statements = [
    'CREATE TABLE IF NOT EXISTS numbers (n INT NOT NULL PRIMARY KEY)',
    `INSERT IGNORE INTO numbers SELECT a.d + b.d * 10 + c.d * 100
       FROM ${DIGITS} a JOIN ${DIGITS} b JOIN ${DIGITS} c`,
  ]
  for (let from = 0; from < rows; from += ROWS_PER_STATEMENT) {
    const to = Math.min(from + ROWS_PER_STATEMENT, rows)
    statements.push(`INSERT INTO ${name} SELECT id,
      ${values}
      FROM (SELECT a.n + b.n * 1000 + c.d * 1000000 + 1 AS id FROM ${MILLIONS} c JOIN numbers b JOIN numbers a
            WHERE c.d BETWEEN ${Math.floor(from / 1e6)} AND ${Math.floor((to - 1) / 1e6)}) ids
      WHERE id > ${from} AND id <= ${to} ORDER BY id`)
  }
  statements.push(`ANALYZE TABLE ${name}`)
  return statements
}

const DIGITS = numbersBelow(10)
/** Of tables with up to so many million rows. */
const MILLIONS = numbersBelow(20)

function numbersBelow(end: number): string {
  const others = Array.from({ length: end - 1 }, (_, index) => `UNION ALL SELECT ${index + 1}`)
  return `(SELECT 0 d ${others.join(' ')})`
}
