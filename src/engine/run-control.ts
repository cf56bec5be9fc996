/**
 * How a run that is under way on this machine is spoken to: by a socket, named after the run, in a folder that nobody but its user may enter.
 * It works alike for stored tasks and for copies without one, and a process that is gone does not answer.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { RowshiftError } from '../contract/errors.js'
import { log } from '../log.js'
import type { RateLimits, Throttle } from './throttle.js'

/** What is to change; what is left out stays. */
export type LimitChange = Partial<RateLimits>

const ANSWER_MS = 10_000
const NEW_MS = 5_000
const MOST_BYTES = 1_000
const SUFFIX = '.sock'

/** Lets the limits of a run be changed for as long as `work` takes. A run that cannot be spoken to runs all the same. */
export async function controlled<T>(
  runId: string,
  throttle: Throttle,
  onChange: (now: RateLimits) => void,
  work: () => Promise<T>,
): Promise<T> {
  const close = listen(runId, (change) => {
    const now = { ...throttle.limits, ...change }
    throttle.change(now)
    onChange(now)
    return now
  })
  try {
    return await work()
  } finally {
    close()
  }
}

/** Ids of the runs that can be spoken to, unless their processes died; the newest first. */
export function runsUnderWay(): string[] {
  const names = readdirSync(controlFolder())
  return names
    .flatMap((name) => (name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : []))
    .toSorted()
    .toReversed()
}

/** Resolves to the limits that the run has from now on; null: there is no such run under way on this machine, or it is another user's. */
export async function changeLimits(runId: string, change: LimitChange): Promise<RateLimits | null> {
  if (!/^[\w-]+$/.test(runId)) return null
  const path = join(controlFolder(), `${runId}${SUFFIX}`)
  const socket = createConnection(path)
  const timer = setTimeout(() => socket.destroy(silent(runId)), ANSWER_MS)
  try {
    socket.end(JSON.stringify(change))
    const limits = await text(socket)
    return limits === '' ? null : (JSON.parse(limits) as RateLimits)
  } catch (thrown) {
    if (endsNow(thrown)) return null
    if (!isGone(thrown)) throw thrown
    removeDead(path)
    return null
  } finally {
    clearTimeout(timer)
  }
}

/** What a process leaves that was killed. One that has just been made is of a run that does not listen yet. */
export function removeDead(socket: string): void {
  const made = statSync(socket, { throwIfNoEntry: false })?.mtimeMs
  if (made !== undefined && Date.now() - made > NEW_MS) rmSync(socket, { force: true })
}

function listen(runId: string, change: (change: LimitChange) => RateLimits): () => void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.setTimeout(ANSWER_MS, () => socket.destroy())
    void answer(socket, change).catch(() => socket.destroy())
  })
  const unable = (thrown: unknown) =>
    log.warn({ runId }, `its speed cannot be changed while it runs: ${RowshiftError.from(thrown).message}`)
  server.on('error', unable)
  try {
    server.listen(join(controlFolder(), `${runId}${SUFFIX}`)).unref()
  } catch (thrown) {
    unable(thrown)
  }
  // Node removes the socket.
  return () => server.close()
}

async function answer(socket: Socket, change: (change: LimitChange) => RateLimits): Promise<void> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of socket as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MOST_BYTES) throw new Error('That is too long to be a change of limits.')
    parts.push(part)
  }
  const { record, byte } = JSON.parse(Buffer.concat(parts).toString()) as LimitChange
  socket.end(JSON.stringify(change({ ...(isLimit(record) && { record }), ...(isLimit(byte) && { byte }) })))
}

function isLimit(value: unknown): value is number | null {
  return value === null || (Number.isSafeInteger(value) && (value as number) > 0)
}

/** Made when it is first needed. Throws when somebody else could put sockets there, or listen to ours. */
export function controlFolder(): string {
  const user = process.getuid?.()
  if (user === undefined)
    throw new RowshiftError('USAGE', 'Runs cannot be spoken to on this operating system.')
  const path = join(tmpdir(), `rowshift-${user}`)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const facts = lstatSync(path)
  if (facts.isDirectory() && facts.uid === user && (facts.mode & 0o077) === 0) return path
  throw new RowshiftError(
    'ACCESS_DENIED',
    `The folder ${path}, through which runs are spoken to, is not only this user's: remove it, or set TMPDIR to another folder.`,
    { folder: path },
  )
}

function isGone(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

/** While it was asked. */
function endsNow(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}

function silent(runId: string): RowshiftError {
  return new RowshiftError(
    'CONNECTION_LOST',
    `Run ${runId} does not answer: its process may be suspended. Try again.`,
    { runId },
  )
}
