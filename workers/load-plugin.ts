import type { Endpoint, Plugin } from '../src/plugin.js'

export async function loadPlugin(endpoint: Endpoint): Promise<Plugin> {
  return ((await import(endpoint.plugin)) as { default: Plugin }).default
}
