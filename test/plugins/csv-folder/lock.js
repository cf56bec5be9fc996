import { readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { RowshiftError } from 'rowshift/plugin'

const PATIENCE = 30_000

/** One at a time changes a table, or copies it whole, of whatever thread or process: a file beside the table says who it is. */
export async function locked(file, signal, work) {
  const lock = `${file}.lock`
  const until = Date.now() + PATIENCE
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (signal.aborted) throw new RowshiftError('INTERRUPTED', `Stopped while waiting for ${lock}.`)
    if (Date.now() > until)
      throw new RowshiftError('LOCK_CONFLICT', `Somebody holds ${lock}; delete it if nobody writes.`, {
        file,
      })
    await removeIfDead(lock)
    await sleep(5)
  }
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

/** The process that made it may have been killed. */
async function removeIfDead(lock) {
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
  if (pid === 0) return
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code === 'ESRCH') await rm(lock, { force: true })
  }
}
