import { writerOf } from '../src/engine/ends.js'
import type { Endpoint, Plugin, Reader, Writer } from '../src/contract/plugin.js'

export async function loadPlugin(endpoint: Endpoint): Promise<Plugin> {
  return ((await import(endpoint.plugin)) as { default: Plugin }).default
}

/** Of each database; not connected. */
export async function makeReaders(endpoints: readonly Endpoint[]): Promise<readonly Reader[]> {
  return Promise.all(endpoints.map(async (each) => (await loadPlugin(each)).createReader!(each)))
}

export async function makeWriter(endpoints: readonly Endpoint[], sharded: boolean): Promise<Writer> {
  return writerOf(await loadPlugin(endpoints[0]!), endpoints, sharded)!
}

/** Connected. */
export async function openWriter(endpoint: Endpoint, signal: AbortSignal): Promise<Writer> {
  const writer = (await loadPlugin(endpoint)).createWriter!(endpoint)
  await writer.connect(signal)
  return writer
}
