// Runs one case over every pair of servers and every write path, and judges the outcome by the servers' own words.
import { rmSync } from 'node:fs'
import type { Case, ExpectedError, Expectation, WritePath } from './cases.js'
import {
  expectation,
  hasSql,
  PAIRS,
  pathsInto,
  POSTGRES_PAIRS,
  roundTripOf,
  sourceSql,
  sqliteSql,
  takesPart,
  targetSql,
} from './cases.js'
import { server } from './context.js'
import { TestDatabase, scratchFile } from './copying.js'
import { Database } from './database.js'
import type { EngineResult } from './engine.js'
import { copyByEngine, copyInThisThread, inLanes } from './engine.js'
import type { FidelityTable, Route, ColumnResult } from './fidelity-table.js'
import type { ServerKind } from './servers.js'
import type { Comparison, TableAt } from './snapshot.js'
import { contents, difference } from './snapshot.js'

const KINDS = ['mysql', 'mariadb', 'postgres'] as const
const LANES = 4
const LABELS = { mysql: 'MySQL', mariadb: 'MariaDB', postgres: 'PostgreSQL' } as const

/** Zero ids and invalid dates can be planted, and times mean UTC. */
const SETUP = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';\n"
const SETUP_POSTGRES = "SET TimeZone = 'UTC';\n"

interface Combination {
  readonly from: ServerKind
  readonly to: ServerKind
  readonly path: WritePath
  readonly target: TestDatabase
}

interface Outcome {
  /** null when it is what the case expects. */
  readonly wrong: string | null
  /** Verdict of each column of `types`. */
  readonly columnResults: Readonly<Record<string, ColumnResult>>
}

/** The databases that all cases use, one after another. */
export class CaseRunner {
  readonly #sources: Readonly<Record<ServerKind, TestDatabase>>
  readonly #combinations: readonly Combination[]
  readonly #table: FidelityTable
  #runs = 0
  /** Copies that went from table to table inside a server. */
  inServer = 0

  private constructor(
    sources: Readonly<Record<ServerKind, TestDatabase>>,
    combinations: readonly Combination[],
    table: FidelityTable,
  ) {
    this.#sources = sources
    this.#combinations = combinations
    this.#table = table
  }

  static async create(table: FidelityTable): Promise<CaseRunner> {
    const sources = {
      mysql: await TestDatabase.create(server('mysql')),
      mariadb: await TestDatabase.create(server('mariadb')),
      postgres: await TestDatabase.create(server('postgres')),
    }
    const combinations: Combination[] = []
    for (const [from, to] of PAIRS) {
      for (const path of pathsInto(to)) {
        combinations.push({ from, to, path, target: await TestDatabase.create(server(to)) })
      }
    }
    for (const [from, to] of POSTGRES_PAIRS) {
      combinations.push({ from, to, path: 'auto', target: await TestDatabase.create(server(to)) })
    }
    return new CaseRunner(sources, combinations, table)
  }

  /** Resolves to every failure, in words. */
  async run(one: Case): Promise<string[]> {
    for (const kind of KINDS) {
      if (takesPart(one, 'from', kind)) await fresh(this.#sources[kind], sourceSql(one, kind)!)
    }
    const failures: string[] = []
    const record = (route: Route, how: string, { wrong, columnResults }: Outcome) => {
      if (wrong === null) this.#record(one, route, columnResults)
      else failures.push(`${route} ${how}: ${wrong}`)
    }
    const combinations = this.#combinations.filter(({ from, to }) => hasSql(one, from, to))
    await inLanes(combinations, LANES, async (combination) => {
      const { from, to, path } = combination
      const expected = expectation(one, from, to, path)
      const outcome =
        expected !== 'equal' && 'absent' in expected
          ? agreed(one, () => 'not there')
          : await this.#copy(one, combination, expected)
      record(`${LABELS[from]} → ${LABELS[to]}`, `by ${path}`, outcome)
    })
    for (const kind of KINDS) {
      if (!hasSql(one, kind, kind)) continue
      const wrong = await this.#inServer(one, kind)
      if (wrong !== null) failures.push(`${LABELS[kind]} by in-server: ${wrong}`)
    }
    for (const kind of KINDS) {
      if (one.sqlite === undefined || !takesPart(one, 'from', kind)) continue
      record(roundTrip(kind), '', await this.#thereAndBack(one, kind))
    }
    return failures.sort()
  }

  #record(one: Case, route: Route, columnResults: Outcome['columnResults']): void {
    for (const [column, type] of Object.entries(one.types ?? {})) {
      this.#table.add(type, route, columnResults[column]!, one.name)
    }
  }

  async #copy(one: Case, { from, to, path, target }: Combination, expected: Expectation): Promise<Outcome> {
    const table = one.table ?? 't'
    const source = this.#sources[from]
    await fresh(target, targetSql(one, to)!)
    const [a, b] = [tableAt(source, table), tableAt(target, table)]
    const before = expected !== 'equal' && 'error' in expected ? await contents(b) : ''
    const params = { worker_num: 1, write_path: path, ...one.params }
    const result = await this.#engine(one)(source.url(table), target.url(table), params)
    if (expected === 'equal') return equal(one, result, () => difference(a, b, comparison(one, from, to)))
    if ('equal' in expected) {
      const { wrong } = await equal(one, result, () => difference(a, b, expected))
      return { ...agreed(one, () => expected.equal), wrong }
    }
    if ('error' in expected) {
      const untouched = (await contents(b)) === before
      const wrong =
        refusalFault(result, expected.error) ?? (untouched ? null : 'refused, but the target changed')
      return { ...agreed(one, () => `refused (${expected.error.code})`), wrong }
    }
    if ('absent' in expected) throw new Error(`${one.name}: ${expected.absent}`)
    const warnings = result.warnings.join('\n')
    const missing = expected.warnings.find((word) => !warnings.includes(word))
    if (missing !== undefined && result.error === null) {
      return { wrong: `no warning says ${JSON.stringify(missing)}: ${warnings}`, columnResults: {} }
    }
    const { except } = expected
    const { wrong, columnResults } = await equal(one, result, () =>
      difference(a, b, { ...comparison(one, from, to), except }),
    )
    const changed = Object.fromEntries(except.map((column) => [column, 'changed, if allowed']))
    return { wrong, columnResults: { ...columnResults, ...changed } }
  }

  /** From table to table inside the server, which the plan refuses where it would not be exact; what other paths reject may be copied as it is. */
  async #inServer(one: Case, kind: ServerKind): Promise<string | null> {
    const expected = expectation(one, kind, kind, 'auto')
    if (expected !== 'equal' && 'absent' in expected) return null
    const table = one.table ?? 't'
    const source = this.#sources[kind]
    const { target } = this.#combinations.find(({ from, to }) => from === kind && to === kind)!
    await fresh(target, targetSql(one, kind)!)
    const params = { worker_num: 1, ...one.params, write_path: 'in-server' }
    const { error } = await copyInThisThread(source.url(table), target.url(table), params)
    if (error === null) {
      this.inServer++
      const compared = expected === 'equal' || 'error' in expected ? {} : expected
      const [a, b] = [tableAt(source, table), tableAt(target, table)]
      return difference(a, b, { ...comparison(one, kind, kind), ...compared })
    }
    if (error.code === 'PARAMS_INVALID' && error.message.includes('"in-server"')) return null
    const foreseen = expected !== 'equal' && 'error' in expected && expected.error.code === error.code
    return foreseen ? null : `[${error.code}] ${error.message}`
  }

  /** Every eighth copy is a whole run with threads. Each pair and path has its turn, since a case has eight copies. */
  #engine(one: Case): typeof copyByEngine {
    if (one.threads) return copyByEngine
    const turn = this.#runs++
    return (turn + Math.floor(turn / this.#combinations.length)) % 8 === 0 ? copyByEngine : copyInThisThread
  }

  async #thereAndBack(one: Case, kind: ServerKind): Promise<Outcome> {
    const table = one.table ?? 't'
    const source = this.#sources[kind]
    const { target } = this.#combinations.find(({ from, to }) => from === kind && to === kind)!
    await fresh(target, targetSql(one, kind)!)
    const file = scratchFile('db')
    const expected = roundTripOf(one, kind)
    const refused = (result: EngineResult, error: ExpectedError) => ({
      ...agreed(one, () => `refused (${error.code})`),
      wrong: refusalFault(result, error),
    })
    try {
      const database = new Database(file)
      database.exec(sqliteSql(one))
      database.close()
      const sqlite = `sqlite:${file}?table=${encodeURIComponent(table)}`
      const params = { worker_num: 1, ...one.params }
      const there = await copyInThisThread(source.url(table), sqlite, params)
      if (expected !== 'equal' && 'there' in expected) return refused(there, expected.there)
      if (there.error) return equal(one, there, async () => null)
      const back = await copyInThisThread(sqlite, target.url(table), params)
      if (expected !== 'equal') return refused(back, expected.back)
      const { wrong } = await equal(one, back, () =>
        difference(tableAt(source, table), tableAt(target, table), comparison(one, kind, kind)),
      )
      return { ...agreed(one, () => 'exact'), wrong }
    } finally {
      rmSync(file, { force: true })
    }
  }
}

function roundTrip(kind: ServerKind): Route {
  return `${LABELS[kind]} → SQLite → ${LABELS[kind]}` as Route
}

function comparison({ compare, comparePostgres }: Case, from: ServerKind, to: ServerKind): Comparison {
  const of = (kind: ServerKind) => (kind === 'postgres' ? (comparePostgres ?? compare) : compare)
  return { compare: of(from), compareTarget: of(to) }
}

/** The verdict of every column that the case speaks of. */
function agreed(one: Case, columnResult: (column: string) => ColumnResult): Outcome {
  const columns = Object.keys(one.types ?? {})
  return {
    wrong: null,
    columnResults: Object.fromEntries(columns.map((column) => [column, columnResult(column)])),
  }
}

/** A success whose tables are equal; then the plan's own grades are the verdicts. */
async function equal(
  one: Case,
  { error, plan }: EngineResult,
  compare: () => Promise<string | null>,
): Promise<Outcome> {
  if (error !== null) return { wrong: `[${error.code}] ${error.message}`, columnResults: {} }
  const conversion = (name: string) =>
    plan!.write.columns.find(({ source }) => source.name === name)!.check.conversion
  const words = {
    exact: 'exact',
    widening: 'widening',
    checked: 'checked',
    lossy: 'fits, if allowed',
  } as const
  return {
    ...agreed(one, (column) => words[conversion(column) as keyof typeof words]),
    wrong: await compare(),
  }
}

function tableAt({ server, database }: TestDatabase, table: string): TableAt {
  return { server, database, table }
}

async function fresh(db: TestDatabase, sql: string): Promise<void> {
  const name = db.database
  if (db.server.kind === 'postgres') {
    await db.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${SETUP_POSTGRES}${sql}`)
    return
  }
  await db.query(
    `DROP DATABASE \`${name}\`; CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4; USE \`${name}\`; ${SETUP}${sql}`,
  )
}

function refusalFault({ error, exit }: EngineResult, expected: ExpectedError): string | null {
  if (error === null) return `was not refused: [${expected.code}] was expected`
  const reported = `[${error.code}] ${error.message}`
  if (error.code !== expected.code) return `${reported}; [${expected.code}] was expected`
  if (exit !== expected.exit) return `exit code ${exit} instead of ${expected.exit}: ${reported}`
  const missing = expected.words.find((word) => !error.message.includes(word))
  return missing === undefined ? null : `the message has no ${JSON.stringify(missing)}: ${reported}`
}
