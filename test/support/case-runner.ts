// Runs one case over every pair of servers and both write paths, and judges the outcome by the servers' own words.
import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { RunReport } from '../../src/index.js'
import { server } from './context.js'
import { Place, scratchFile } from './copying.js'
import { copyByEngine, inLanes } from './engine.js'
import type { Case, ExpectedError, WritePath } from './cases.js'
import { expectation, PAIRS, PATHS, sourceSql, sqliteSql, takesPart, targetSql } from './cases.js'
import type { FidelityTable, Route, Verdict } from './fidelity-table.js'
import type { ServerKind } from './servers.js'
import type { Comparison, TableAt } from './snapshot.js'
import { contents, difference } from './snapshot.js'

const KINDS = ['mysql', 'mariadb'] as const
const LANES = 4
const LABELS = { mysql: 'MySQL', mariadb: 'MariaDB' } as const

/** Zero ids and invalid dates can be planted, and times mean UTC. */
const SETUP = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';\n"

interface Combination {
  readonly from: ServerKind
  readonly to: ServerKind
  readonly path: WritePath
  readonly target: Place
}

/** The databases that all cases use, one after another. */
export class CaseRunner {
  readonly #sources: Readonly<Record<ServerKind, Place>>
  readonly #combinations: readonly Combination[]
  readonly #table: FidelityTable

  private constructor(
    sources: Readonly<Record<ServerKind, Place>>,
    combinations: readonly Combination[],
    table: FidelityTable,
  ) {
    this.#sources = sources
    this.#combinations = combinations
    this.#table = table
  }

  static async create(table: FidelityTable): Promise<CaseRunner> {
    const sources = {
      mysql: await Place.create(server('mysql')),
      mariadb: await Place.create(server('mariadb')),
    }
    const combinations: Combination[] = []
    for (const [from, to] of PAIRS) {
      for (const path of PATHS) {
        combinations.push({ from, to, path, target: await Place.create(server(to)) })
      }
    }
    return new CaseRunner(sources, combinations, table)
  }

  /** Resolves to every failure, in words. */
  async run(one: Case): Promise<string[]> {
    for (const kind of KINDS) {
      if (takesPart(one, 'from', kind)) await fresh(this.#sources[kind], sourceSql(one, kind))
    }
    const failures: string[] = []
    const verdicts = new Map<Route, Verdict[]>()
    await inLanes(this.#combinations, LANES, async (combination) => {
      const { from, to, path } = combination
      const expected = expectation(one, from, to, path)
      const absent = expected !== 'equal' && 'absent' in expected
      const wrong = absent ? null : await this.#copy(one, combination)
      if (wrong !== null) failures.push(`${from} -> ${to} by ${path}: ${wrong}`)
      const route: Route = `${LABELS[from]} → ${LABELS[to]}` as Route
      verdicts.set(route, [...(verdicts.get(route) ?? []), this.#verdict(one, combination)])
    })
    if (one.sqlite !== undefined) {
      for (const kind of KINDS) {
        if (!takesPart(one, 'from', kind)) continue
        const wrong = await this.#thereAndBack(one, kind)
        if (wrong !== null) failures.push(`${kind} -> sqlite -> ${kind}: ${wrong}`)
        const route: Route = `${LABELS[kind]} → SQLite → ${LABELS[kind]}` as Route
        const refused =
          one.sqlite === 'equal' ? null : 'there' in one.sqlite ? one.sqlite.there : one.sqlite.back
        verdicts.set(route, [refused === null ? 'exact' : `refused (${refused.code})`])
      }
    }
    if (failures.length === 0) this.#record(one, verdicts)
    return failures.sort()
  }

  #record(one: Case, verdicts: ReadonlyMap<Route, readonly Verdict[]>): void {
    for (const type of new Set(Object.values(one.types ?? {}))) {
      for (const [route, [first, ...others]] of verdicts) {
        if (others.some((other) => other !== first)) {
          throw new Error(
            `${one.name}: the write paths differ on ${route}, which docs/fidelity.md cannot say`,
          )
        }
        this.#table.add(type, route, first === 'exact' && type.includes('→') ? 'widening' : first!, one.name)
      }
    }
  }

  /** What the expectation, now confirmed, means for docs/fidelity.md. */
  #verdict(one: Case, { from, to, path }: Combination): Verdict {
    const expected = expectation(one, from, to, path)
    if (expected === 'equal') return 'exact'
    if ('absent' in expected) return 'not there'
    if ('equal' in expected) return expected.equal
    return 'error' in expected ? `refused (${expected.error.code})` : 'lossy, if allowed'
  }

  async #copy(one: Case, { from, to, path, target }: Combination): Promise<string | null> {
    const table = one.table ?? 't'
    const source = this.#sources[from]
    await fresh(target, targetSql(one, to))
    const [a, b] = [tableAt(source, table), tableAt(target, table)]
    const expected = expectation(one, from, to, path)
    const before = expected !== 'equal' && 'error' in expected ? await contents(b) : ''
    const params = { worker_num: 1, write_path: path, ...one.params }
    const { report, exit } = await copyByEngine(source.url(table), target.url(table), params)
    if (expected !== 'equal' && 'error' in expected) {
      const wrong = refusalFault(report, exit, expected.error)
      if (wrong !== null) return wrong
      return (await contents(b)) === before ? null : 'it was refused, but the target has changed'
    }
    if (report.error !== null) return `[${report.error.code}] ${report.error.message}`
    if (expected !== 'equal' && 'except' in expected) {
      const warnings = report.warnings.join('\n')
      const missing = expected.warnings.find((word) => !warnings.includes(word))
      if (missing !== undefined) return `no warning says ${JSON.stringify(missing)}: ${warnings}`
      return difference(a, b, { ...comparison(one), except: expected.except })
    }
    const own = expected !== 'equal' && 'equal' in expected ? expected : one
    return difference(a, b, comparison(own))
  }

  async #thereAndBack(one: Case, kind: ServerKind): Promise<string | null> {
    const table = one.table ?? 't'
    const source = this.#sources[kind]
    const { target } = this.#combinations.find(({ from, to }) => from === kind && to === kind)!
    await fresh(target, targetSql(one, kind))
    const file = scratchFile('db')
    try {
      const database = new Database(file)
      database.exec(sqliteSql(one))
      database.close()
      const sqlite = `sqlite:${file}?table=${encodeURIComponent(table)}`
      const expected = one.sqlite!
      const params = { worker_num: 1, ...one.params }
      const there = await copyByEngine(source.url(table), sqlite, params)
      if (expected !== 'equal' && 'there' in expected)
        return refusalFault(there.report, there.exit, expected.there)
      if (there.report.error !== null)
        return `there: [${there.report.error.code}] ${there.report.error.message}`
      const back = await copyByEngine(sqlite, target.url(table), params)
      if (expected !== 'equal') return refusalFault(back.report, back.exit, expected.back)
      if (back.report.error !== null) return `back: [${back.report.error.code}] ${back.report.error.message}`
      return await difference(tableAt(source, table), tableAt(target, table), comparison(one))
    } finally {
      rmSync(file, { force: true })
    }
  }
}

function comparison({ compare }: Pick<Case, 'compare'>): Comparison {
  return compare === undefined ? {} : { compare }
}

function tableAt({ server, database }: Place, table: string): TableAt {
  return { server, database, table }
}

async function fresh(place: Place, sql: string): Promise<void> {
  const name = place.database
  await place.query(
    `DROP DATABASE \`${name}\`; CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4; USE \`${name}\`; ${SETUP}${sql}`,
  )
}

function refusalFault({ error }: RunReport, exit: number, expected: ExpectedError): string | null {
  if (error === null) return `was not refused: [${expected.code}] was expected`
  const told = `[${error.code}] ${error.message}`
  if (error.code !== expected.code) return `${told}; [${expected.code}] was expected`
  if (exit !== expected.exit) return `exit code ${exit} instead of ${expected.exit}: ${told}`
  const missing = expected.words.find((word) => !error.message.includes(word))
  return missing === undefined ? null : `the message has no ${JSON.stringify(missing)}: ${told}`
}
