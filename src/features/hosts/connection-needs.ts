/** Which connections a run needs, in words that hold no secret; and how a worker finds them on its own host. */
import type { Config, NamedConnection, ResolvedConnection } from '../../config/config.js'
import { connectionFromUrl, fromUrl } from '../../config/config.js'
import { loadPlugin, placeOf } from '../../config/plugins.js'
import { RowshiftError } from '../../contract/errors.js'

/** One connection. */
export type ConnectionNeed =
  /** Of a task, as the configuration has it. */
  | {
      readonly by: 'task'
      readonly side: 'from' | 'to'
      readonly type: string
      readonly app: string
      readonly db: string
    }
  /** By its whole name in the configuration. */
  | { readonly by: 'name'; readonly name: string }
  /** A URL without a secret of its own: what it leaves out are variables of the worker's environment. */
  | { readonly by: 'url'; readonly url: string }
  /** One of this type in the worker's configuration that leads to the same database. */
  | { readonly by: 'database'; readonly type: string; readonly where: readonly string[] }

export interface ConnectionNeeds {
  readonly source: ConnectionNeed
  readonly target: ConnectionNeed
  /** By what `params` call them, or by where they lead to for a URL. */
  readonly others: readonly ConnectionNeed[]
  /** SQL that every connection runs first; before it, those to the target run `targetSession`. */
  readonly session: readonly string[]
  readonly targetSession: readonly string[]
  readonly timeZone: string | null
}

/** What a worker has found. */
export interface FoundConnections {
  readonly source: ResolvedConnection
  readonly target: ResolvedConnection
  readonly others: Readonly<Record<string, ResolvedConnection>>
}

/** Of a connection that this process has resolved. */
export function needOf(resolved: ResolvedConnection): ConnectionNeed {
  const { origin, loaded, connection, databases = [{ connection }] } = resolved
  if (origin !== undefined && origin.by !== 'url') return origin
  if (origin !== undefined && !holdsSecret(origin.url)) return { by: 'url', url: origin.url }
  const where = databases.map((each) => placeOf(loaded.plugin, each.connection))
  return { by: 'database', type: loaded.type, where }
}

/** Whether a URL holds more of a user's secrets than references to variables. */
function holdsSecret(url: string): boolean {
  const [, password = ''] = /^[^/]*\/\/[^/?#@]*?:([^/?#]*)@/.exec(url) ?? []
  const inQuery = [...url.matchAll(/[?&]([^=&#]*(?:pass|pwd|secret|token|key)[^=&#]*)=([^&#]*)/gi)]
  return [password, ...inQuery.map(([, , value]) => value!)].some(
    (value) => value.replaceAll(/\$\{[A-Za-z_]\w*\}|%24%7B[A-Za-z_]\w*%7D/gi, '') !== '',
  )
}

/** Throws CONNECTION_UNKNOWN, VARIABLE_MISSING or PLUGIN_UNKNOWN, each with the name of what is missing. `config` is asked for when it is needed. */
export async function findConnections(
  { source, target, others, targetSession }: ConnectionNeeds,
  config: () => Config,
): Promise<FoundConnections> {
  const found = await Promise.all(others.map((need) => find(need, config)))
  return {
    source: await find(source, config),
    target: { ...(await find(target, config)), session: targetSession },
    others: Object.fromEntries(others.map((need, i) => [nameOf(need), found[i]!])),
  }
}

async function find(need: ConnectionNeed, config: () => Config): Promise<ResolvedConnection> {
  try {
    return await lookFor(need, config)
  } catch (thrown) {
    const { code, message, details } = RowshiftError.from(thrown)
    throw new RowshiftError(code, `It needs the connection ${nameOf(need)}. ${message}`, details, thrown)
  }
}

async function lookFor(need: ConnectionNeed, config: () => Config): Promise<ResolvedConnection> {
  switch (need.by) {
    case 'task':
      return config().connection(need.side, need.type, need.app, need.db)
    case 'name':
      return config().named(need.name)
    case 'url':
      return /[?&]table=/.test(need.url)
        ? fromUrl(need.url, 'its URL')
        : connectionFromUrl(need.url, 'its URL')
    case 'database':
      return leadingTo(need, config())
    default:
      return need satisfies never
  }
}

/** Connections of a configuration that lead where those of a URL do, whoever logs in. */
async function leadingTo(
  { type, where }: Extract<ConnectionNeed, { by: 'database' }>,
  config: Config,
): Promise<ResolvedConnection> {
  const { specifier } = await loadPlugin(type)
  const found = new Map<string, ResolvedConnection>()
  for (const name of config.names) {
    // Another one, whose variables or plugin this host does not have, is not asked for.
    const resolved = await config.named(name).catch(() => null)
    if (resolved?.loaded.specifier !== specifier) continue
    found.set(placeOf(resolved.loaded.plugin, resolved.connection), resolved)
  }
  const databases = where.map((each) => ({ name: each, connection: found.get(each)?.connection }))
  const missing = databases.find(({ connection }) => connection === undefined)
  const [first] = where
  if (missing === undefined)
    return where.length === 1
      ? found.get(first!)!
      : { ...found.get(first!)!, databases: databases as NamedConnection[] }
  throw new RowshiftError(
    'CONNECTION_UNKNOWN',
    `The run was given the URL of ${missing.name}, whose password does not travel, and no connection in ${config.folder} leads there. Add one of type ${type}, ` +
      'or give the run a URL whose password is a variable, such as ${NAME}, which each worker sets for itself.',
    { connection: missing.name },
  )
}

/** For people, without secrets. */
export function nameOf(need: ConnectionNeed): string {
  switch (need.by) {
    case 'task':
      return `${need.side}.${need.type}.${need.app}_${need.db}`
    case 'name':
      return need.name
    case 'url':
      return need.url
    case 'database':
      return need.where.join(', ')
    default:
      return need satisfies never
  }
}
