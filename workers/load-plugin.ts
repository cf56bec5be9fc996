import type { Endpoint, Plugin, Writer } from '../src/contract/plugin.js'

export async function loadPlugin(endpoint: Endpoint): Promise<Plugin> {
  return ((await import(endpoint.plugin)) as { default: Plugin }).default
}

/** Connected. */
export async function openWriter(endpoint: Endpoint, signal: AbortSignal): Promise<Writer> {
  const writer = (await loadPlugin(endpoint)).createWriter!(endpoint)
  await writer.connect(signal)
  return writer
}
