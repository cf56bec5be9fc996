import type { Derivation } from '../contract/derivation.js'
import type { SourceDdl, TableTraits } from '../contract/create-table.js'
import type { Endpoint } from '../contract/endpoint.js'
import type { Message } from '../contract/message.js'
import type { ReadSpec, Snapshot, TableState } from '../contract/read.js'
import type { LoadRequest, ServerLoad } from '../contract/skills.js'
import type { Column, TableSchema } from '../contract/table-schema.js'
import type { PlannedWrite } from '../contract/write.js'
import type { ForeignKeySourceSql } from './foreign-key-statements.js'
import type { DigestSql } from './row-digest.js'
import type { ObjectSourceSql } from './object-statements.js'
import type { SqlSession } from './session.js'
import type { InServerSigns } from './unseen-rows.js'
import type { KeyProbe } from './splits.js'
import type { WindowSource } from './window-source.js'

/**
 * What one database's reader does in its own way; {@link SqlReader} does the rest, and `src/contract/skills.ts` has what each method means. Errors of the driver may
 * be thrown as they are.
 */
export interface SqlSource<S extends SqlSession> {
  /** Opens a session for reading, in the time zone of the endpoint. */
  open(endpoint: Endpoint, signal: AbortSignal | undefined): Promise<S>
  describe(session: S, table: string): Promise<TableSchema>
  tables(session: S): Promise<readonly string[]>
  /** Default: `tables` names all of them. */
  seesAllTables?(session: S): Promise<boolean>
  /** Default: each table is described by itself. */
  describeAll?(session: S, tables: readonly string[]): Promise<ReadonlyMap<string, TableSchema | null>>
  sourceDdl(session: S, table: string): Promise<SourceDdl>
  wideColumns(session: S, table: string): Promise<readonly string[]>
  /** As `DdlSkill.traits`. */
  traits(session: S, elsewhere: SourceDdl, own: SourceDdl): Promise<TableTraits>
  /** What else is to be said of a condition that is one by itself. Default: nothing. */
  checkWhere?(session: S, table: TableSchema, where: string): Promise<readonly Message[]>
  derive(session: S, table: TableSchema, wanted: readonly Derivation[]): Promise<readonly Column[]>
  /** The last look before a row moves, beside the one for computed columns. Default: there is nothing to look at. */
  check?(session: S, spec: ReadSpec, write: PlannedWrite, allColumns: boolean): Promise<readonly Message[]>
  /** How a table is divided by `TableSchema.location`; null: by another key. Default: tables have none. */
  locationProbe?(session: S, spec: ReadSpec): KeyProbe | null
  /** What the database says about how it would run a query, a line each. */
  explain(session: S, sql: string): Promise<readonly string[]>
  state(session: S, table: string): Promise<TableState>
  /** The SQL of some digest of the spec's columns in one row, of 16 characters, equal for equal rows. Default: by `digests`. */
  sampleDigest?(spec: ReadSpec): string
  /** Default: the database cannot say how much it has to do. */
  load?(session: S, asked: LoadRequest): Promise<ServerLoad>
  /** Asked in a session of its own, whose time zone is UTC. */
  readonly windows: WindowSource<S>
  /** How the server computes digests that others compute too; null: it cannot. Default: no server of this kind can. */
  digests?(session: S): Promise<DigestSql | null>
  /** Those of the database, under the family of `sourceDdl`. Default: it has none that others could be given. */
  readonly foreignKeys?: ForeignKeySourceSql<S>
  /** Views, triggers, routines. Default: none are known. */
  readonly objects?: ObjectSourceSql<S>
  /** By which a writer of the same kind sees that both reach the same server. Default: none does. */
  readonly inServer?: InServerSigns<S>
  /** Snapshots have a token that other processes may join. Default: they have none. */
  readonly exportsSnapshots?: true
  beginSnapshot(endpoint: Endpoint, tables: readonly string[], signal: AbortSignal): Promise<Snapshot>
  joinSnapshot(session: S, token: string | null): Promise<void>
}
