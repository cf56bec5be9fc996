import type { Config, ResolvedConnection } from '../config/config.js'
import { connectionFromUrl } from '../config/config.js'
import { isUrl } from '../config/url.js'
import { RowshiftError } from '../contract/errors.js'
import type { Params } from '../task/params.js'

const ENDS = ['source', 'target']

/** The databases beside source and target that lookups name. Without a configuration they are URLs. */
export async function lookupConnections(
  { columns }: Params,
  config: Config | null,
): Promise<Readonly<Record<string, ResolvedConnection>>> {
  const names = (columns ?? []).flatMap((entry) =>
    entry !== '*' && entry.make?.type === 'lookup' && !entry.make.given && !ENDS.includes(entry.make.in)
      ? [entry.make.in]
      : [],
  )
  const resolved = [...new Set(names)].map(async (name) => [name, await resolve(name, config)] as const)
  return Object.fromEntries(await Promise.all(resolved))
}

async function resolve(name: string, config: Config | null): Promise<ResolvedConnection> {
  if (isUrl(name)) return connectionFromUrl(name, 'The URL in "in" of a lookup')
  if (config !== null) return config.named(name)
  throw new RowshiftError(
    'CONNECTION_UNKNOWN',
    `A lookup is in ${JSON.stringify(name)}, but this command reads no configuration: write source, target or a URL.`,
    { name },
  )
}
