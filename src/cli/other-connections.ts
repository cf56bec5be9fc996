import type { Config, ResolvedConnection } from '../config/config.js'
import { connectionFromUrl } from '../config/config.js'
import { isUrl } from '../config/url.js'
import { RowshiftError } from '../contract/errors.js'
import type { Params } from '../task/params.js'

const ENDS = ['source', 'target']

/** The databases beside source and target that `params` name. Without a configuration they are URLs. */
export async function otherConnections(
  { columns, replicas }: Params,
  config: Config | null,
): Promise<Readonly<Record<string, ResolvedConnection>>> {
  const lookups = (columns ?? []).flatMap((entry) =>
    entry !== '*' && entry.make?.type === 'lookup' && !entry.make.given && !ENDS.includes(entry.make.in)
      ? [entry.make.in]
      : [],
  )
  const names = new Set([...lookups, ...replicas])
  const resolved = [...names].map(async (name) => [name, await resolve(name, config)] as const)
  return Object.fromEntries(await Promise.all(resolved))
}

async function resolve(name: string, config: Config | null): Promise<ResolvedConnection> {
  if (isUrl(name)) return connectionFromUrl(name, 'The URL of a connection in params')
  if (config !== null) return config.named(name)
  throw new RowshiftError(
    'CONNECTION_UNKNOWN',
    `params name the connection ${JSON.stringify(name)}, but this command reads no configuration: write a URL, or for a lookup source or target.`,
    { name },
  )
}
