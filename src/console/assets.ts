/** Scripts and styles, which all come with this package. */
import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const

const own = (name: string) => () => readFileSync(new URL(`../../../etc/console/${name}`, import.meta.url))
const plots = (name: string) => () => readFileSync(new URL(`../../../bundle/uplot/${name}`, import.meta.url))

/** No other names are served. */
const assets: Readonly<Record<string, () => Buffer>> = {
  'console.js': own('console.js'),
  'console.css': own('console.css'),
  'uplot.js': plots('uPlot.iife.min.js'),
  'uplot.css': plots('uPlot.min.css'),
}

export function serveAssets(app: FastifyInstance): void {
  for (const [name, read] of Object.entries(assets)) {
    let content: Buffer | null = null
    app.get(`/assets/${name}`, async (_request, reply) => {
      reply.type(TYPES[name.split('.').at(-1) as keyof typeof TYPES]).header('cache-control', 'no-cache')
      return (content ??= read())
    })
  }
}
