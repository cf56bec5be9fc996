import type { Endpoint, Plugin, Reader, Writer } from '../src/contract/plugin.js'
import { offerOwnModulesToo } from '../src/own-modules.js'

export async function loadPlugin(endpoint: Endpoint): Promise<Plugin> {
  offerOwnModulesToo()
  return ((await import(endpoint.plugin)) as { default: Plugin }).default
}

/** Whether the database works inside the thread that asks it. */
export async function isInProcess(endpoint: Endpoint): Promise<boolean> {
  return (await loadPlugin(endpoint)).capabilities?.inProcess === true
}

/** Of each database; not connected. */
export async function makeReaders(endpoints: readonly Endpoint[]): Promise<readonly Reader[]> {
  return Promise.all(endpoints.map(async (each) => (await loadPlugin(each)).createReader!(each)))
}

export async function makeWriters(endpoints: readonly Endpoint[]): Promise<readonly Writer[]> {
  return Promise.all(endpoints.map(async (each) => (await loadPlugin(each)).createWriter!(each)))
}

/** Connected. */
export async function openWriter(endpoint: Endpoint, signal: AbortSignal): Promise<Writer> {
  const writer = (await loadPlugin(endpoint)).createWriter!(endpoint)
  await writer.connect(signal)
  return writer
}
