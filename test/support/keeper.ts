// A process of its own that runs one server for the process that forked it. Whatever ends that process (the end
// of the tests, an exception, kill -9) closes the channel between the two; the keeper then stops the server and
// deletes its directory, which exit handlers in the parent could not promise.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, rmSync } from 'node:fs'
import { ENDED, type Launch } from './launch.js'

const stopSeconds = 20

const { directory, commands, log, signals } = JSON.parse(process.argv[2]!) as Launch
const output = openSync(log, 'a')
let running: ChildProcess | undefined
let stopping = false
let again = false

process.on('message', (order: 'restart' | 'SIGSTOP' | 'SIGCONT') => {
  again ||= order === 'restart'
  process.kill(-running!.pid!, order === 'restart' ? signals.crash : order)
})
process.once('disconnect', () => void stop())
process.once('SIGTERM', () => void stop())

for (const command of commands) {
  let code: number | null
  do {
    again = false
    code = stopping ? 0 : await run(command)
    if (again && process.connected) process.send!(ENDED)
  } while (again && !stopping)
  if (code !== 0) break
}
if (process.connected) process.send!(`${commands.at(-1)!.join(' ')} does not run`)

/**
 * In a process group of its own, because mariadb-install-db is a shell script that runs the real program; and where every
 * user may be, because PostgreSQL's programs go back to where they were started.
 */
async function run([program, ...args]: string[]): Promise<number | null> {
  running = spawn(program!, args, { cwd: '/', detached: true, stdio: ['ignore', output, output] })
  const [code] = (await once(running, 'exit')) as [number | null]
  running = undefined
  return code
}

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  if (running?.pid) {
    const group = -running.pid
    const ended = once(running, 'exit')
    process.kill(group, signals.stop)
    const deadline = setTimeout(() => process.kill(group, 'SIGKILL'), stopSeconds * 1000)
    await ended
    clearTimeout(deadline)
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  process.exit()
}
