import type { ErrorDetails } from '../contract/errors.js'
import type { Endpoint } from '../contract/endpoint.js'
import { RowshiftError } from '../contract/errors.js'
import type { InServerSource } from '../contract/in-server.js'
import type { Reader } from '../contract/plugin.js'
import type { ReadSpec, Split, SplitOutline, SplitSize } from '../contract/read.js'
import type { DigestSkill, ReaderSkills } from '../contract/skills.js'
import type { TableSchema } from '../contract/table-schema.js'
import type { Batch } from '../wire/batch.js'
import { holdsBelow } from './below-watermark.js'
import { checkFailingRows, readFailure } from './failing-rows.js'
import { findWindow } from './incremental-window.js'
import type { InServerSigns } from './unseen-rows.js'
import { keyProbe } from './key-probe.js'
import { lookupSql } from './lookup.js'
import { findLoss } from './loss-search.js'
import type { DigestSql } from './row-digest.js'
import { formatNames, rowDigest, sampleDigest, splitDigest } from './row-digest.js'
import { sampleRows } from './row-sample.js'
import { selectSql, splitQuery } from './select.js'
import { SessionSlot } from './session-slot.js'
import { schemaSkills } from './sql-objects.js'
import type { SqlSession } from './session.js'
import type { SqlSource } from './sql-source.js'
import { checkCondition } from './user-sql.js'
import type { KeyProbe } from './splits.js'
import { divideRange, explainSteps, splitAfter, splitByKey } from './splits.js'

/** The reader of a database that speaks SQL. */
export class SqlReader<S extends SqlSession> implements Reader {
  readonly skills: ReaderSkills
  readonly #endpoint: Endpoint
  readonly #source: SqlSource<S>
  readonly #slot: SessionSlot<S>
  readonly #loadSlot: SessionSlot<S>
  #inSnapshot = false

  constructor(endpoint: Endpoint, source: SqlSource<S>) {
    this.#endpoint = endpoint
    this.#source = source
    this.#slot = new SessionSlot((signal) => source.open(endpoint, signal))
    this.#loadSlot = new SessionSlot((signal) => source.open(endpoint, signal))
    this.skills = this.#skills(source)
  }

  #skills(source: SqlSource<S>): ReaderSkills {
    return {
      tables: () => this.#using('listing tables', (session) => source.tables(session)),
      ...(source.seesAllTables && {
        seesAllTables: () =>
          this.#using('asking what the user may see', (session) => source.seesAllTables!(session)),
      }),
      ...(source.describeAll && {
        describeAll: (tables) =>
          this.#using('describing tables', (session) => source.describeAll!(session, tables)),
      }),
      checkWhere: async (table, where) => {
        const session = await this.#open()
        await checkCondition(session, table.table, where)
        return (await source.checkWhere?.(session, table, where)) ?? []
      },
      ddl: {
        sourceDdl: (table) =>
          this.#at('reading the DDL of', table, (session) => source.sourceDdl(session, table)),
        wideColumns: (table) =>
          this.#at('looking at the values of', table, (session) => source.wideColumns(session, table)),
        traits: (elsewhere, own) =>
          this.#using('comparing how tables are made', (session) => source.traits(session, elsewhere, own)),
      },
      ...schemaSkills(source, (doing, work) => this.#using(doing, work)),
      derive: async (table, wanted) => source.derive(await this.#open(), table, wanted),
      findLoss: async (table, column, where) => findLoss(await this.#open(), table, column, where),
      check: (spec, write, allColumns) =>
        this.#at('looking at', spec.table.table, async (session) => [
          ...(await checkFailingRows(session, spec)),
          ...((await source.check?.(session, spec, write, allColumns)) ?? []),
        ]),
      splitAfter: (spec, after, size, signal) =>
        this.#splits(signal, (session) => splitAfter(spec, after, this.#probe(session, spec), size)),
      find: (spec, keys, signal) => this.#find(spec, keys, signal),
      outline: (spec) => this.#outline(spec),
      state: ({ table: { table } }) =>
        this.#at('looking at the state of', table, (session) => source.state(session, table)),
      incrementalRange: (request) =>
        this.#aside('looking for what is new in', request.table.table, (session) =>
          findWindow(session, request, source.windows),
        ),
      marks: {
        sample: (spec, below) =>
          this.#at('looking at some rows of', spec.table.table, async (session) => {
            const digest = await this.#sampleDigest(session, spec)
            return digest === null ? null : sampleRows(session, spec, digest, below)
          }),
        holdsBelow: (request) =>
          this.#aside('looking for rows below the watermark in', request.table.table, (session) =>
            holdsBelow(session, request),
          ),
      },
      ...(source.load && {
        load: (asked) => this.#load((session) => source.load!(session, asked)),
      }),
      ...(source.inServer && { inServer: this.#signs(source.inServer) }),
      ...(source.digests && { digest: this.#digest((session) => source.digests!(session)) }),
      snapshot: {
        exports: source.exportsSnapshots ?? false,
        begin: (tables, signal) => source.beginSnapshot(this.#endpoint, tables, signal),
        join: async (token) => {
          await this.#using('joining a snapshot', (session) => source.joinSnapshot(session, token))
          this.#inSnapshot = true
        },
      },
    }
  }

  #signs({ family, show }: InServerSigns<S>): InServerSource {
    return {
      family,
      showSign: (spec) =>
        this.#at('showing which server holds', spec.table.table, (session) => show(session, spec)),
    }
  }

  #digest(of: (session: S) => Promise<DigestSql | null>): DigestSkill {
    return {
      formats: async (spec) => {
        const sql = await of(await this.#open())
        return sql && formatNames(sql, spec)
      },
      ofRows: async (spec, formats) => {
        const session = await this.#open()
        return rowDigest(session, (await of(session))!, spec, formats)
      },
      ofSplit: async (spec, formats, split, signal) => {
        const session = await this.#open()
        const release = session.bind(signal)
        try {
          return await splitDigest(session, (await of(session))!, spec, formats, split)
        } catch (error) {
          throw await readFailure(session, error, spec, split, 'computing the digest of')
        } finally {
          release()
        }
      },
    }
  }

  async #sampleDigest(session: S, spec: ReadSpec): Promise<string | null> {
    if (this.#source.sampleDigest) return this.#source.sampleDigest(spec)
    const sql = await this.#source.digests?.(session)
    return sql ? sampleDigest(session, sql, spec) : null
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#slot.signal = signal
    await this.#open()
  }

  describe(table: string): Promise<TableSchema> {
    return this.#at('describing', table, (session) => this.#source.describe(session, table))
  }

  #outline(spec: ReadSpec): Promise<SplitOutline> {
    return this.#at('looking at', spec.table.table, async (session) => {
      const strategy = await explainSteps(spec, this.#probe(session, spec))
      const first = await splitByKey(spec, this.#probe(session, spec), () => spec.splitRows).next()
      if (first.done) return { strategy, query: null, explain: [] }
      const query = selectSql(splitQuery(session.dialect, spec, first.value))
      return { strategy, query, explain: await this.#source.explain(session, query) }
    })
  }

  split(spec: ReadSpec, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => splitByKey(spec, this.#probe(session, spec), size))
  }

  divide(spec: ReadSpec, range: Split, size: SplitSize, signal: AbortSignal): AsyncIterable<Split> {
    return this.#splits(signal, (session) => divideRange(spec, range, this.#probe(session, spec), size))
  }

  #probe(session: S, spec: ReadSpec): KeyProbe {
    return this.#source.locationProbe?.(session, spec) ?? keyProbe(session, spec)
  }

  async *#splits(signal: AbortSignal, splits: (session: S) => AsyncIterable<Split>): AsyncGenerator<Split> {
    const session = await this.#open()
    const release = session.bind(signal)
    try {
      for await (const split of splits(session)) {
        if (signal.aborted) throw interrupted()
        yield split
      }
    } finally {
      release()
    }
  }

  async *read(spec: ReadSpec, split: Split, signal: AbortSignal): AsyncGenerator<Batch> {
    const session = await this.#open()
    yield* this.#rows(session, spec, selectSql(splitQuery(session.dialect, spec, split)), split, signal)
  }

  async *#find(spec: ReadSpec, keys: Batch, signal: AbortSignal): AsyncGenerator<Batch> {
    const { dialect } = await this.#open()
    for (const sql of lookupSql(dialect, spec, keys)) {
      yield* this.#rows(await this.#open(), spec, sql, null, signal)
    }
  }

  async *#rows(
    session: S,
    spec: ReadSpec,
    sql: string,
    split: Split | null,
    signal: AbortSignal,
  ): AsyncGenerator<Batch> {
    const release = session.bind(signal)
    try {
      yield* session.stream(spec, sql)
      // All rows may have been here before the interruption reached the server.
      if (signal.aborted) throw interrupted()
    } catch (error) {
      if (signal.aborted) throw interrupted()
      const failure = await readFailure(session, error, spec, split)
      const lost = session.spent || failure.code === 'CONNECTION_LOST'
      throw this.#inSnapshot && lost ? snapshotLost(failure) : failure
    } finally {
      release()
      if (session.spent) this.#slot.drop()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#slot.close(), this.#loadSlot.close()])
  }

  #at<T>(doing: string, table: string, work: (session: S) => Promise<T>): Promise<T> {
    return this.#using(`${doing} table ${table}`, work, { table })
  }

  async #using<T>(doing: string, work: (session: S) => Promise<T>, details: ErrorDetails = {}): Promise<T> {
    return attempt(await this.#open(), doing, work, details)
  }

  /** In a session of its own whose time zone is UTC, as watermarks are. */
  async #aside<T>(doing: string, table: string, work: (session: S) => Promise<T>): Promise<T> {
    const { timeZone: _, ...endpoint } = this.#endpoint
    const session = await this.#source.open(endpoint, this.#slot.signal)
    try {
      return await attempt(session, `${doing} table ${table}`, work, { table })
    } finally {
      await session.close()
    }
  }

  /** In a session of its own, since splits are computed meanwhile. */
  async #load<T>(ask: (session: S) => Promise<T>): Promise<T> {
    this.#loadSlot.signal = this.#slot.signal
    try {
      return await attempt(await this.#loadSlot.get(), 'asking how much the server has to do', ask, {})
    } catch (error) {
      this.#loadSlot.drop()
      throw error
    }
  }

  async #open(): Promise<S> {
    if (this.#inSnapshot && (await this.#slot.isLost())) throw snapshotLost()
    return this.#slot.get()
  }
}

function snapshotLost(failure?: RowshiftError): RowshiftError {
  return new RowshiftError(
    'SNAPSHOT_LOST',
    `${failure ? `${failure.message} ` : ''}The connection that held the snapshot is gone, and the snapshot with it. Run again, into an empty target or with write mode "upsert".`,
    failure?.details,
    failure,
  )
}

function interrupted(): RowshiftError {
  return new RowshiftError('INTERRUPTED', 'Interrupted while reading.')
}

async function attempt<S extends SqlSession, T>(
  session: S,
  doing: string,
  work: (session: S) => Promise<T>,
  details: ErrorDetails,
): Promise<T> {
  try {
    return await work(session)
  } catch (error) {
    throw session.dialect.error(error, `${doing} of ${session.where}`, details)
  }
}
