/** Who copies a table: rowshift, the server itself, and other tools where they are at hand. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2'
import { needProgram } from '../test/support/machine.js'
import type { TestServer } from '../test/support/servers.js'
import { serverCpu } from './instances.js'
import type { Pair } from './pair.js'
import type { Sample } from './rounds.js'
import { timed } from './rounds.js'
import type { Measured, Place } from './run.js'
import { connect, copy } from './run.js'

const LOOP_ROWS = 500

/** The word of a sample whose table is not what its source is. */
export const NOT_EXACT = 'NOT exact'

/** What other tools copy into: a table of the same name in a database of its own. */
const APART = 'apart'

export function rowshift(
  pair: Pair,
  params: object,
  { creates = false, through = pair.source.server }: { creates?: boolean; through?: Place } = {},
): () => Promise<Sample> {
  return async () => {
    await (creates ? pair.drop() : pair.empty())
    const run = () => copy(through, params, pair.target.server, creates ? ['--create'] : [])
    const { result, serverSeconds } = await serverCpu(serversOf(pair), run)
    if (result.report.rowsWritten !== pair.rows)
      throw new Error(`rowshift wrote ${result.report.rowsWritten} rows instead of ${pair.rows}`)
    await pair.check('rowshift')
    return { ...sampleOf(result), serverSeconds }
  }
}

export function sampleOf({ seconds, cpuSeconds, peakMegabytes, report }: Measured): Sample {
  return { seconds, cpuSeconds, peakMegabytes, word: report.writePath ?? '' }
}

/** The floor: `INSERT … SELECT` of halves of the key by one connection each, on the target's instance. */
export function inServer(pair: Pair): () => Promise<Sample> {
  return async () => {
    await pair.empty()
    const { server } = pair.target
    const halves = [await connect(server, 'bench'), await connect(server, 'bench')] as const
    const middle = Math.floor(pair.rows / 2)
    const work = () =>
      Promise.all([
        halves[0].query(`INSERT INTO target SELECT * FROM source WHERE id <= ${middle}`),
        halves[1].query(`INSERT INTO target SELECT * FROM source WHERE id > ${middle}`),
      ])
    const { result, serverSeconds } = await serverCpu([server], () => timed(work))
    await Promise.all(halves.map((half) => half.end()))
    return { seconds: result.seconds, serverSeconds, word: await exactness(pair) }
  }
}

/** What somebody would write: rows as objects, many of them per statement; each thread copies its part of the key. */
export function loop(
  pair: Pair,
  connections: number,
  change: (row: Record<string, unknown>) => object = (row) => row,
): () => Promise<Sample> {
  return async () => {
    await pair.empty()
    const part = Math.ceil(pair.rows / connections)
    const parts = Array.from(
      { length: connections },
      (_, index) => `id > ${index * part} AND id <= ${(index + 1) * part}`,
    )
    const work = () =>
      timed(() =>
        Promise.all(parts.map((where) => loopOver(pair.source.server, pair.target.server, where, change))),
      )
    const { result, serverSeconds } = await serverCpu(serversOf(pair), work)
    return { ...result, serverSeconds, word: await exactness(pair) }
  }
}

async function loopOver(
  source: TestServer,
  target: TestServer,
  where: string,
  change: (row: Record<string, unknown>) => object,
): Promise<void> {
  const { host, port, user, password } = source
  const settings = { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true }
  const from = createConnection({ host, port, user, password, database: 'bench', ...settings })
  const to = await connect(target, 'bench')
  let batch: unknown[][] = []
  const write = async () => {
    await to.query('INSERT INTO target VALUES ?', [batch])
    batch = []
  }
  await to.query('START TRANSACTION')
  const stream = from.query(`SELECT * FROM source WHERE ${where} ORDER BY id`).stream()
  for await (const row of stream as AsyncIterable<Record<string, unknown>>) {
    batch.push(Object.values(change(row)))
    if (batch.length === LOOP_ROWS) await write()
  }
  if (batch.length > 0) await write()
  await to.query('COMMIT')
  from.destroy()
  await to.end()
}

/** Programs of others; what cannot be had here is named in `notes`. */
export function others(pair: Pair, notes: string[]): Record<string, () => Promise<Sample>> {
  const { kind } = pair.source.server
  const contenders: Record<string, () => Promise<Sample>> = {}
  const [dumper, loader] = [needProgram('mydumper', 'mydumper'), needProgram('myloader', 'mydumper')]
  if (dumper && loader)
    contenders['mydumper, then myloader, 4 threads'] = byTool(pair, (folder) => [
      `${dumper} ${loginOf(pair.source.server)} -t 4 -B bench -T source -o ${folder}/dump`,
      `${loader} ${loginOf(pair.target.server)} -t 4 -B ${APART} -o -d ${folder}/dump`,
    ])
  else notes.push('mydumper and myloader are not at hand')
  const dump = kind === 'mariadb' ? needProgram('mariadb-dump', 'mariadb-client') : null
  const client = kind === 'mariadb' ? needProgram('mariadb', 'mariadb-client') : null
  if (dump && client)
    contenders['mariadb-dump | mariadb'] = byTool(pair, () => [
      `${dump} ${loginOf(pair.source.server)} --single-transaction --quick bench source | ${client} ${loginOf(pair.target.server)} ${APART}`,
    ])
  else notes.push(`a program to dump ${kind} with is not at hand`)
  return contenders
}

/** Two instances, and a database `bench` on both: whole on the one, to be made on the other. */
export interface DatabasePair extends Pick<Pair, 'source' | 'target'> {
  /** Before each copy. */
  readonly empty: () => Promise<void>
  readonly exactness: () => Promise<string>
}

/** Programs of others that copy all tables of a database. */
export function ofDatabase(pair: DatabasePair, notes: string[]): Record<string, () => Promise<Sample>> {
  const [source, target] = [loginOf(pair.source.server), loginOf(pair.target.server)]
  const contenders: Record<string, () => Promise<Sample>> = {}
  const [dump, client] = [
    needProgram('mariadb-dump', 'mariadb-client'),
    needProgram('mariadb', 'mariadb-client'),
  ]
  if (dump && client)
    contenders['mariadb-dump | mariadb'] = databaseByTool(pair, () => [
      `${dump} ${source} --single-transaction --quick bench | ${client} ${target} bench`,
    ])
  else notes.push('a program to dump with is not at hand')
  const [dumper, loader] = [needProgram('mydumper', 'mydumper'), needProgram('myloader', 'mydumper')]
  if (dumper && loader)
    contenders['mydumper, then myloader, 4 threads'] = databaseByTool(pair, (folder) => [
      `${dumper} ${source} -t 4 -B bench -o ${folder}/dump`,
      `${loader} ${target} -t 4 -B bench -o -d ${folder}/dump`,
    ])
  else notes.push('mydumper and myloader are not at hand')
  return contenders
}

function databaseByTool(
  { source, target, empty, exactness: found }: DatabasePair,
  commands: (folder: string) => readonly string[],
): () => Promise<Sample> {
  return async () => {
    await empty()
    const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
    try {
      const work = () =>
        timed(async () => {
          for (const command of commands(folder)) await shell(command)
        })
      const { result, serverSeconds } = await serverCpu([source.server, target.server], work)
      return { seconds: result.seconds, serverSeconds, word: await found() }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
}

export const NOT_HERE = 'DataX, SeaTunnel, Addax, sling, ingestr, dlt and goshift are not part of the suite'

function byTool(pair: Pair, commands: (folder: string) => readonly string[]): () => Promise<Sample> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowshift-bench-'))
    const { connection } = pair.target
    await connection.query(`DROP DATABASE IF EXISTS ${APART}`)
    await connection.query(`CREATE DATABASE ${APART}`)
    try {
      const work = () =>
        timed(async () => {
          for (const command of commands(folder)) await shell(command)
        })
      const { result, serverSeconds } = await serverCpu(serversOf(pair), work)
      return { seconds: result.seconds, serverSeconds, word: await exactness(pair, `${APART}.source`) }
    } finally {
      await connection.query(`DROP DATABASE IF EXISTS ${APART}`)
      rmSync(folder, { recursive: true })
    }
  }
}

async function exactness(pair: Pair, table?: string): Promise<string> {
  return (await pair.isExact(table)) ? 'exact' : NOT_EXACT
}

function loginOf({ host, port, user, password }: TestServer): string {
  return `-h ${host} -P ${port} -u ${user} --password=${password}`
}

async function shell(command: string): Promise<void> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2_000)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`a tool ended with ${code}: ${said}`)
}

function serversOf({ source, target }: Pair): readonly TestServer[] {
  return [source.server, target.server]
}
