// What verification tests share: the program's verdict on two tables, in few words.
import { expect } from 'chai'
import type { VerifyReport } from '../../src/index.js'
import type { TestDatabase, Outcome } from './copying.js'
import { runWithReport } from './copying.js'

export interface Verified extends Outcome {
  readonly report: VerifyReport
}

export async function verify(from: string, to: string, ...options: string[]): Promise<Verified> {
  return (await runWithReport(['verify', '--from', from, '--to', to, ...options])) as Verified
}

/** Missing, extra and different rows. */
export function figures({ report: { found } }: Verified): readonly number[] {
  return [found!.missing, found!.extra, found!.different]
}

export function expectEqual(outcome: Verified, rows: number): void {
  expect(outcome.code, outcome.stderr + outcome.stdout).to.equal(0)
  expect(outcome.report).to.include({ status: 'success', rowsRead: rows, error: null })
  expect(figures(outcome)).to.deep.equal([0, 0, 0])
}

export function expectDifferent(outcome: Verified, ...expected: number[]): void {
  expect(outcome.code, outcome.stderr).to.equal(4)
  expect(outcome.report.error?.code).to.equal('DIFFERENT')
  expect(figures(outcome), outcome.stdout).to.deep.equal(expected)
}

/** Rows `id`, 1 to `rows`, with a value of each kind that is easily compared wrongly. */
export async function fill(db: TestDatabase, rows: number): Promise<void> {
  await db.query(
    `DROP TABLE IF EXISTS s, t;
     CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(30) COLLATE utf8mb4_general_ci, f FLOAT, b BLOB, n INT);
     INSERT INTO s WITH RECURSIVE q (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < ${Math.min(rows, 1000)})
       SELECT i, CONCAT('v', i), i / 7e0, CONCAT(x'00ff0a5c09', i), i FROM q;
     ${rows > 1000 ? `INSERT INTO s SELECT a.id * 1000 + b.id, b.v, b.f, b.b, b.n FROM s a JOIN s b WHERE a.id < ${rows / 1000};` : ''}
     CREATE TABLE t LIKE s; INSERT INTO t SELECT * FROM s`,
  )
}
