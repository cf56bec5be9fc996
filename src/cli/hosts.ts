/** `rowshift hosts`: the workers that are connected, and what they do. */
import { ExitCode } from '../contract/errors.js'
import type { PresentHost } from '../features/hosts/present-hosts.js'
import { presentHosts } from '../features/hosts/present-hosts.js'
import { HostStore } from '../features/hosts/store.js'
import type { CommonOptions } from './options.js'
import { formatCount, print, printJson, table } from './output.js'

/** Resolves to the exit code. */
export async function hostsCommand({
  connect,
  json,
}: CommonOptions & { readonly connect: string }): Promise<number> {
  const store = await HostStore.open(connect)
  try {
    const hosts = await presentHosts(store)
    if (json) printJson(hosts)
    else if (hosts.length === 0) print(`No worker is connected to ${store.where}.`)
    else print(table(hosts.flatMap(linesOf)))
    return ExitCode.success
  } finally {
    await store.close()
  }
}

/** One for each run that it has; at least one. */
function linesOf({
  name,
  threads,
  silentSeconds,
  runs,
}: PresentHost): readonly Readonly<Record<string, string | number | null>>[] {
  const host = { host: name, threads, heard: `${silentSeconds.toFixed(1)} s ago` }
  const none = { run: null, 'of them': null, 'rows/s': null, splits: null }
  if (runs.length === 0) return [{ ...host, ...none }]
  return runs.map((run) => ({
    ...host,
    run: run.runId,
    'of them': run.threads,
    'rows/s': formatCount(run.rowsPerSecond),
    splits: run.refused ?? run.splits.map(({ split }) => split).join(' '),
  }))
}
