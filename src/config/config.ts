import { join, resolve } from 'node:path'
import { didYouMean } from '../suggest.js'
import { RowshiftError } from '../contract/errors.js'
import type { Connection } from '../contract/plugin.js'
import type { LoadedPlugin } from './plugins.js'
import { checkConnection, defaultTaskStoreType, loadPlugin } from './plugins.js'
import { readJsonFile } from './json-file.js'
import { checkByFile } from './json-schema.js'
import { expand, expandUrl } from './databases.js'
import { parseUrl } from './url.js'
import { substitute, substituteDeep, substituteReferences } from './variables.js'

type Side = 'from' | 'to'
type Connections = Readonly<Record<string, Readonly<Record<string, Connection>>>>

interface ConfigFile {
  readonly task_meta?: Connection
  readonly plugins?: Readonly<Record<string, string>>
  readonly from?: Connections
  readonly to?: Connections
  readonly serve?: object
  readonly alerts?: object
  readonly roboter?: object
}

type ConfigBlock = 'serve' | 'alerts' | 'roboter'

interface LoadedFile {
  readonly path: string
  readonly content: ConfigFile
}

const GLOBAL_FILE = 'db_global.json'
/** The older spelling of `task_meta` names the database type in the key. */
const TASK_META_PREFIX = 'task_meta_'

/** A connection with the plugin it belongs to. */
export interface ResolvedConnection {
  readonly loaded: LoadedPlugin
  readonly connection: Connection
  /** All databases, when they were named by a pattern; `connection` is the first. */
  readonly databases?: readonly NamedConnection[]
  /** How whoever asked for it has named it. A URL may hold secrets. */
  readonly origin?: ConnectionOrigin
  /** SQL that its sessions run before that of the param `session`. Default: none. */
  readonly session?: readonly string[]
}

/** What a connection is asked for by. */
export type ConnectionOrigin =
  | {
      readonly by: 'task'
      readonly side: Side
      readonly type: string
      readonly app: string
      readonly db: string
    }
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'url'; readonly url: string }

/** One of several databases, under the name that tells it from the others. */
export interface NamedConnection {
  readonly name: string
  readonly connection: Connection
}

/** `etc/<env>.json` and `etc/db_global.json`. Environment variables are looked up only for what is used. */
export class Config {
  readonly folder: string
  readonly #files: readonly LoadedFile[]
  readonly #environment: Readonly<Record<string, string | undefined>>

  private constructor(
    folder: string,
    files: readonly LoadedFile[],
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.folder = folder
    this.#files = files
    this.#environment = environment
  }

  static load(folder: string, env: string): Config {
    const paths = [join(folder, `${env}.json`), join(folder, GLOBAL_FILE)]
    const faults: string[] = []
    const files = paths.flatMap((path, i) => {
      const content = readJsonFile(path, i === 0, faults)
      if (content === null) return []
      for (const fault of checkByFile('config', content, `${path}: config`)) faults.push(fault)
      return [{ path, content: content as ConfigFile }]
    })
    if (faults.length > 0) {
      throw new RowshiftError('CONFIG_INVALID', `The configuration is not valid:\n  ${faults.join('\n  ')}`, {
        faults,
      })
    }
    return new Config(folder, files, process.env)
  }

  /** The connection of the task store. */
  async taskStore(): Promise<ResolvedConnection> {
    for (const { path, content } of this.#files) {
      for (const [key, value] of Object.entries(content)) {
        if (key !== 'task_meta' && !key.startsWith(TASK_META_PREFIX)) continue
        const { db_type, ...connection } = value as Connection
        const named =
          key === 'task_meta' ? (db_type as string | undefined) : key.slice(TASK_META_PREFIX.length)
        const loaded = await this.#load(named ?? (await defaultTaskStoreType()))
        return this.#resolve(loaded, connection, `${path} ${key}`)
      }
    }
    throw new RowshiftError(
      'CONNECTION_UNKNOWN',
      `No task store is configured: there is no "task_meta" in ${this.#paths}. It says where the task tables are.`,
    )
  }

  /** The connection of one side of a task, found under `<app>_<db>`; for a pattern of databases, that of each. */
  async connection(side: Side, type: string, app: string, db: string): Promise<ResolvedConnection> {
    const origin = { by: 'task', side, type, app, db } as const
    const names = expand(db)
    if (names === null) return { ...(await this.#connection(side, type, app, db)), origin }
    const resolved: ResolvedConnection[] = []
    for (const name of names) resolved.push(await this.#connection(side, type, app, name))
    return { ...together(resolved, names), origin }
  }

  async #connection(side: Side, type: string, app: string, db: string): Promise<ResolvedConnection> {
    const key = `${app}_${db}`
    for (const { path, content } of this.#files) {
      const connection = own(own(content[side], type), key)
      if (connection)
        return this.#resolve(await this.#load(type), connection, `${path} ${side}.${type}.${key}`)
    }
    // Says so of a name that is none. The path of a module is code, which is not run because a task names it.
    if (!/[./]/.test(type)) await this.#load(type)
    throw new RowshiftError(
      'CONNECTION_UNKNOWN',
      `The task's "${side}" side needs the connection ${side}.${type}.${key}, which is not in ${this.#paths}.`,
      { side, type, key },
    )
  }

  /** A connection by its whole name: `from.<type>.<app>_<db>`. */
  async named(name: string): Promise<ResolvedConnection> {
    const [, side, rest = ''] = /^(from|to)\.(.+)$/.exec(name) ?? []
    for (const { path, content } of this.#files) {
      // A type may have dots: it may be the path of a module.
      for (const [type, connections] of Object.entries(content[side as Side] ?? {})) {
        const connection = rest.startsWith(`${type}.`) && own(connections, rest.slice(type.length + 1))
        if (!connection) continue
        const resolved = this.#resolve(await this.#load(type), connection, `${path} ${name}`)
        return { ...resolved, origin: { by: 'name', name } }
      }
    }
    throw new RowshiftError(
      'CONNECTION_UNKNOWN',
      `params name the connection ${JSON.stringify(name)}, which is not in ${this.#paths}. Write a URL, or a name like "from.<type>.<app>_<db>"; for a lookup also source or target.`,
      { name },
    )
  }

  /** The whole names of all connections. */
  get names(): readonly string[] {
    return this.#files.flatMap(({ content }) =>
      (['from', 'to'] as const).flatMap((side) =>
        Object.entries(content[side] ?? {}).flatMap(([type, connections]) =>
          Object.keys(connections).map((key) => `${side}.${type}.${key}`),
        ),
      ),
    )
  }

  /** What is told apart from other configurations by it. */
  get identity(): string {
    return resolve(this.#files[0]!.path)
  }

  has(name: ConfigBlock): boolean {
    return this.#files.some(({ content }) => content[name] !== undefined)
  }

  /** A part that is not about databases, with its variables replaced; null: there is none. Throws VARIABLE_MISSING. */
  block(name: ConfigBlock): unknown {
    const file = this.#files.find(({ content }) => content[name] !== undefined)
    if (file === undefined) return null
    return substituteDeep(file.content[name], `${file.path} ${name}`, this.#environment)
  }

  /** A type may be a short name for a module: columns of the task table have little room for it. */
  async #load(type: string): Promise<LoadedPlugin> {
    const module = this.#files.map(({ content }) => own(content.plugins, type)).find(Boolean)
    return module === undefined ? loadPlugin(type) : { ...(await loadPlugin(module)), type }
  }

  #resolve(loaded: LoadedPlugin, raw: Connection, where: string): ResolvedConnection {
    const connection = substitute(raw, where, this.#environment)
    checkConnection(loaded, connection, where)
    return { loaded, connection }
  }

  get #paths(): string {
    return this.#files.map(({ path }) => path).join(' and ')
  }
}

/** The connection and table of a `--from` or `--to` URL: `type://…?table=name`. */
export async function fromUrl(
  text: string,
  option: string,
): Promise<ResolvedConnection & { readonly table: string }> {
  const urls = expandUrl(text)
  if (urls === null) return fromSingleUrl(text, option)
  const resolved: Awaited<ReturnType<typeof fromSingleUrl>>[] = []
  for (const { url } of urls) resolved.push(await fromSingleUrl(url, option))
  const names = urls.map(({ name }) => name)
  return { ...together(resolved, names), table: resolved[0]!.table, origin: { by: 'url', url: text } }
}

async function fromSingleUrl(
  text: string,
  option: string,
): Promise<ResolvedConnection & { readonly table: string }> {
  const { type, url } = parseUrl(text, option)
  const table = url.searchParams.get('table')
  const near = [...url.searchParams.keys()].find(
    (name) => name !== 'table' && didYouMean(name, ['table']) !== '',
  )
  const hint = near === undefined ? 'add ?table=name to the URL' : `write "table" in place of "${near}"`
  const noTable = new RowshiftError('USAGE', `${option} names no table: ${hint}.`)
  url.searchParams.delete('table')
  const loaded = await loadPlugin(type).catch((error: unknown) => {
    throw table ? error : noTable
  })
  if (!table && !loaded.plugin.defaultTable) throw noTable
  const connection = connectionOf(loaded, url, text, option)
  const origin = { by: 'url', url: text } as const
  return { loaded, connection, table: table || loaded.plugin.defaultTable!(connection), origin }
}

/**
 * Whether both URLs are of whole databases: they name no table, nor does what they lead to have but one. Where one is no URL of a database at all, and
 * the other names no table either, throws what is wrong with it; beside the URL of a table, `fromUrl` explains that.
 */
export async function areDatabases(from: string, to: string): Promise<boolean> {
  const ends = [await isDatabase(from, '--from'), await isDatabase(to, '--to')]
  const fault = ends.find((end) => end instanceof RowshiftError)
  if (fault !== undefined && !ends.includes(false)) throw fault
  return ends.every((end) => end === true)
}

async function isDatabase(text: string, option: string): Promise<boolean | RowshiftError> {
  try {
    const { type, url } = parseUrl(text, option)
    // A name that is nearly "table" is a mistake.
    if ([...url.searchParams.keys()].some((name) => didYouMean(name, ['table']) !== '')) return false
    const { plugin } = await loadPlugin(type)
    return plugin.defaultTable === undefined
  } catch (thrown) {
    return RowshiftError.from(thrown)
  }
}

/** The same without a table: for what names its tables itself. */
export async function connectionFromUrl(text: string, option: string): Promise<ResolvedConnection> {
  const { type, url } = parseUrl(text, option)
  if (url.searchParams.has('table'))
    throw new RowshiftError('USAGE', `${option} names a table, which is named beside it already.`)
  const loaded = await loadPlugin(type)
  return { loaded, connection: connectionOf(loaded, url, text, option), origin: { by: 'url', url: text } }
}

/** A database; a table that the URL names plays no part. */
export async function databaseFromUrl(text: string, option: string): Promise<ResolvedConnection> {
  const { type, url } = parseUrl(text, option)
  url.searchParams.delete('table')
  const loaded = await loadPlugin(type)
  return { loaded, connection: connectionOf(loaded, url, text, option) }
}

function connectionOf(loaded: LoadedPlugin, url: URL, text: string, option: string): Connection {
  const connection = substituteReferences(loaded.plugin.connectionFromUrl(url, text), option, process.env)
  checkConnection(loaded, connection, option)
  return connection
}

/** Names come from users: `constructor` is not a connection of every object. */
function own<T>(of: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined
}

function together(resolved: readonly ResolvedConnection[], names: readonly string[]): ResolvedConnection {
  const databases = resolved.map(({ connection }, i) => ({ name: names[i]!, connection }))
  return { ...resolved[0]!, databases }
}
