// What arrives of a result is never all that the server sent at once, and sometimes not all of it.
import { once } from 'node:events'
import net from 'node:net'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { servers } from '../support/context.js'
import { TestDatabase, runWithReport } from '../support/copying.js'
import type { TestServer } from '../support/servers.js'

const DIGITS = `(SELECT 0 d ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((d) => `UNION ALL SELECT ${d}`).join(' ')})`
/** 10,000 rows, 2 MB, in one split, because there is no key. */
const ROWS = `CREATE TABLE src (id INT, v VARBINARY(400), n INT NULL); CREATE TABLE dst LIKE src;
  INSERT INTO src SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000, REPEAT('a\\0b\\t', 50), NULLIF(a.d, 3)
  FROM ${DIGITS} a JOIN ${DIGITS} b JOIN ${DIGITS} c JOIN ${DIGITS} e`

let proxies: net.Server[] = []

/** Forwards connections to a server and hands what the server says to `pass`, which writes it to the client. */
async function proxy(at: TestServer, pass: (bytes: Buffer, client: net.Socket) => void): Promise<number> {
  const server = net.createServer((client) => {
    const upstream = net.connect(at.port, at.host)
    client.setNoDelay(true)
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.on('data', (bytes) => upstream.write(bytes))
    upstream.on('data', (bytes) => pass(bytes, client))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  proxies.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

describe('a result', () => {
  afterEach(() => {
    for (const server of proxies) server.close()
    proxies = []
  })

  it('may arrive in pieces of any size', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, ROWS)
      let size = 1
      const port = await proxy(at, (bytes, client) => {
        for (let from = 0; from < bytes.length; from += size) {
          size = (size * 7919 + 13) % 5003 || 1
          client.write(bytes.subarray(from, from + size))
        }
      })
      const from = db.url('src').replace(`:${at.port}/`, `:${port}/`)
      const { code, stderr } = await runWithReport(['copy', '--from', from, '--to', db.url('dst')])
      expect(code, stderr).to.equal(0)
      await db.expectEqual('src', 'dst')
    }
  })

  it('that ends in the middle fails the copy and stores nothing', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, ROWS)
      const port = await proxy(at, (bytes, client) => {
        client.write(bytes)
        if (client.bytesWritten > 1_000_000) client.end()
      })
      const from = db.url('src').replace(`:${at.port}/`, `:${port}/`)
      const params = ['--params', '{"retry": {"attempts": 1, "max_wait": 0}}']
      const { code, report } = await runWithReport(['copy', '--from', from, '--to', db.url('dst'), ...params])
      expect(code).to.equal(1)
      expect(report.error?.code).to.equal('CONNECTION_LOST')
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })

  it('in which the server reports an error fails the copy with that error, and stores nothing', async () => {
    for (const at of servers()) {
      const db = await TestDatabase.create(at, ROWS)
      const { code, report } = await db.copy('src', 'dst', {
        // Out of range, which the server finds when it has sent the rows before.
        where: 'id <> 7000 OR EXP(id) > 0',
      })
      expect(code).to.equal(1)
      expect(report.error?.details, report.error?.message).to.include({ errno: 1690 })
      expect(await db.value('SELECT COUNT(*) FROM dst')).to.equal('0')
    }
  })
})
