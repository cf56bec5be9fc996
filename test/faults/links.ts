// Connections that end, or fall silent, at some byte of what is said on them.
import type { Fault as LinkFault, Moment } from '../support/proxy.js'
import { Proxy } from '../support/proxy.js'
import type { Backend, End } from './backend.js'
import type { Fault } from './fault.js'
import { onServers } from './fault.js'
import type { StartOptions } from './scene.js'
import { isTask } from './tables.js'

/** What the program sends when it reads a split, and when it writes one. */
const TEXTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mysql: { READING: 'FROM `src`', WRITING: 'INTO' },
  postgres: { READING: 'FROM "src"', WRITING: 'FROM STDIN' },
}

const request = (text: string, bytes: number): Moment => ({ text, from: 'client', bytes })
const answer = (text: string, bytes: number): Moment => ({ text, from: 'server', bytes })
const exchange = (text: string, bytes: number): Moment => ({ text, from: 'both', bytes })

/** Where a connection may end, by phase; the bytes are those of a seed. */
function phases(random: (below: number) => number): [name: string, end: End, moment: number | Moment][] {
  return [
    ['in the handshake', 'target', random(120)],
    ['in the handshake', 'source', random(120)],
    ['in the query of a split', 'source', request('READING', random(150))],
    ['in the rows of a split', 'source', answer('READING', 200 + random(6000))],
    ['in the rows that are sent', 'target', exchange('WRITING', 80 + random(6000))],
    ['in the answer to the rows', 'target', answer('row ', random(60))],
    ['before COMMIT arrives', 'target', request('COMMIT', random(10))],
    ['in the answer to COMMIT', 'target', answer('COMMIT', random(11))],
    ['in the handshake', 'store', random(120)],
    ['in the record of a run', 'store', request('INTO rowshift_run', random(200))],
    ['before COMMIT arrives', 'store', request('COMMIT', random(10))],
    ['in the answer to COMMIT', 'store', answer('COMMIT', random(11))],
    ['anywhere', 'store', random(8000)],
    ['anywhere', 'target', random(40_000)],
    ['anywhere', 'source', random(60_000)],
  ]
}

/** Of the coordinator and of threads. */
const links = [0, 1, 2]

export function cuts(kind: LinkFault['kind'], random: (below: number) => number): Fault[] {
  return links.flatMap((link) =>
    phases(random).map(([phase, end, after]) => onLink(kind, phase, end, link, after)),
  )
}

/** Between the program and one end, on the connection that was made as the n-th; `n` 0 is the coordinator's. */
function onLink(
  kind: LinkFault['kind'],
  phase: string,
  end: End,
  link: number,
  after: number | Moment,
): Fault {
  const where = typeof after === 'number' ? `byte ${after}` : `byte ${after.bytes} of ${after.from}`
  return {
    group: kind === 'cut' ? 'connection cut' : 'connection falls silent, half open',
    name: `${phase}, ${where} (${end}, connection ${link})`,
    key: `${phase} ${end}`,
    meets: (cell) => onServers(cell) && (end !== 'store' || (link === 0 && isTask(cell.mode))),
    strike: async (scene) => {
      const { server, type } = scene.cell.on
      const fault = { kind, after: typeof after === 'number' ? after : inWords(after, type) }
      const proxy = await Proxy.to(server!, (made, index) => {
        made.fault = index === link ? fault : null
      })
      try {
        // A connection that falls silent is noticed after a second.
        const stall: StartOptions = kind === 'silence' ? { stall: 1 } : {}
        await scene.start({ ports: { [end]: proxy.port }, ...stall }).code()
        return proxy.links[link]?.failed ?? false
      } finally {
        proxy.close()
      }
    },
    repeats: null,
    chance: true,
  }
}

function inWords({ text, ...rest }: Moment, type: Backend['type']): Moment {
  return { ...rest, text: TEXTS[type]?.[text] ?? text }
}
