import type { Endpoint } from '../contract/endpoint.js'
import type { ForeignKey, ForeignKeyTarget, Orphans, ReferentialAction } from '../contract/foreign-keys.js'
import { RowshiftError } from '../contract/errors.js'
import { titleOf } from '../contract/foreign-keys.js'
import type { SqlDialect } from './dialect.js'
import type { SqlSession } from './session.js'
import type { SqlSink } from './sql-sink.js'

const EXAMPLES = 5

/** The foreign keys of a database that speaks SQL. Each question has a session of its own, which is strict about them. */
export class SqlForeignKeys<S extends SqlSession> implements ForeignKeyTarget {
  readonly family: string
  readonly withTable?: true
  readonly trusts?: true
  readonly uniqueNames?: true
  readonly #sink: SqlSink<S>
  readonly #open: (signal: AbortSignal | undefined) => Promise<S>
  readonly #session: () => Promise<S>
  #dialect: SqlDialect | null = null

  /** `session`: that of the writer. Of a sink that has `foreignKeys`. */
  constructor(sink: SqlSink<S>, endpoint: Endpoint, session: () => Promise<S>) {
    this.family = sink.family
    if (sink.foreignKeys!.withTable) this.withTable = true
    if (sink.foreignKeys!.trust !== undefined) this.trusts = true
    if (sink.foreignKeys!.uniqueNames) this.uniqueNames = true
    this.#sink = sink
    this.#open = (signal) => sink.open(endpoint, signal)
    this.#session = session
  }

  get #statements() {
    return this.#sink.foreignKeys!
  }

  list(tables: readonly string[] = []): Promise<readonly ForeignKey[]> {
    return this.#asking('listing foreign keys', (session) => this.#statements.list(session, tables))
  }

  translate(key: ForeignKey): Promise<ForeignKey | string> {
    return this.#asking('looking at foreign keys', (session) => this.#statements.translate(session, key))
  }

  statement(key: ForeignKey): string {
    if (this.#dialect === null) throw new RowshiftError('INTERNAL', 'no foreign key was translated before')
    return addition(this.#dialect, key)
  }

  unchecked(triggers: boolean, tables: readonly string[]): Promise<readonly string[] | string> {
    return this.#asking('asking about foreign keys', (session) =>
      this.#statements.unchecked(session, triggers, tables),
    )
  }

  ignoresCase(): Promise<boolean> {
    return this.#asking(
      'asking how names are compared',
      async (session) => (await this.#statements.ignoresCase?.(session)) ?? false,
    )
  }

  orphans(key: ForeignKey, signal: AbortSignal): Promise<Orphans> {
    return this.#aside(`looking for orphans of ${titleOf(key)}`, key, signal, async (session) => {
      const rows = await session.search(orphansOf(session.dialect, key), this.#statements.searchSeconds)
      const examples = (rows ?? []).map((row) => `(${row.map((cell) => cell ?? 'NULL').join(', ')})`)
      return { examples, complete: rows !== null }
    })
  }

  add(key: ForeignKey, checked: boolean, signal: AbortSignal): Promise<void> {
    return this.#aside(`adding ${titleOf(key)}`, key, signal, async (session) => {
      const { trust } = this.#statements
      if (checked && trust !== undefined) await session.run(trust)
      await session.run(addition(session.dialect, key))
    })
  }

  drop(key: ForeignKey, signal: AbortSignal): Promise<void> {
    return this.#aside(`dropping ${titleOf(key)}`, key, signal, async (session) => {
      const { dialect } = session
      const name = dialect.identifier(key.name!)
      await session.run(`ALTER TABLE ${dialect.table(key.table)} ${this.#statements.drop} ${name}`)
    })
  }

  async #asking<T>(doing: string, work: (session: S) => Promise<T>): Promise<T> {
    const session = await this.#session()
    this.#dialect = session.dialect
    return work(session).catch((thrown: unknown) => {
      throw session.dialect.error(thrown, `${doing} of ${session.where}`)
    })
  }

  async #aside<T>(
    doing: string,
    { table }: ForeignKey,
    signal: AbortSignal,
    work: (session: S) => Promise<T>,
  ): Promise<T> {
    const session = await this.#open(signal)
    try {
      return await work(session)
    } catch (thrown) {
      throw session.dialect.error(thrown, `${doing} in ${session.where}`, { table })
    } finally {
      await session.close()
    }
  }
}

/** `[CONSTRAINT name] FOREIGN KEY (…) REFERENCES …`, as ALTER TABLE adds it and CREATE TABLE has it. */
export function constraintOf(dialect: Pick<SqlDialect, 'identifier' | 'table'>, key: ForeignKey): string {
  const list = (names: readonly string[]) => `(${names.map((name) => dialect.identifier(name)).join(', ')})`
  const clause = (event: string, action: ReferentialAction) =>
    action === 'no action' ? '' : ` ON ${event} ${action.toUpperCase()}`
  return [
    key.name === null ? '' : `CONSTRAINT ${dialect.identifier(key.name)} `,
    `FOREIGN KEY ${list(key.columns)} REFERENCES ${dialect.table(key.parent)} ${list(key.parentColumns)}`,
    key.matchFull ? ' MATCH FULL' : '',
    clause('DELETE', key.onDelete),
    clause('UPDATE', key.onUpdate),
    key.deferrable === undefined ? '' : ` DEFERRABLE INITIALLY ${key.deferrable.toUpperCase()}`,
  ].join('')
}

function addition(dialect: SqlDialect, key: ForeignKey): string {
  return `ALTER TABLE ${dialect.table(key.table)} ADD ${constraintOf(dialect, key)}`
}

/** Where NULL goes with NULL only, a row with some values has no parent either. */
function orphansOf(dialect: SqlDialect, key: ForeignKey) {
  const cells = key.columns.map((name) => `c.${dialect.identifier(name)}`)
  const same = key.parentColumns.map((name, i) => `p.${dialect.identifier(name)} = ${cells[i]!}`)
  const all = (is: string) => cells.map((cell) => `${cell} IS ${is}`).join(' AND ')
  const parents = tableOf(dialect, key.parent, key.parentIn)
  const lacking = `${all('NOT NULL')} AND NOT EXISTS (SELECT 1 FROM ${parents} p WHERE ${same.join(' AND ')})`
  return {
    select: cells,
    from: `${tableOf(dialect, key.table, key.tableIn)} c`,
    where:
      key.matchFull && cells.length > 1
        ? [`((${lacking}) OR (NOT (${all('NOT NULL')}) AND NOT (${all('NULL')})))`]
        : [lacking],
    tail: ` LIMIT ${EXAMPLES}`,
  }
}

function tableOf(dialect: SqlDialect, table: string, elsewhere: string | undefined): string {
  const name = dialect.table(table)
  return elsewhere === undefined ? name : `${dialect.identifier(elsewhere)}.${name}`
}
