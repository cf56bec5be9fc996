import { closeSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * Output that cannot be written ends nothing, and the exit code stays that of the command: whoever reads it may leave early
 * (`rowshift list | head -1`), its disk may be full, its terminal gone.
 */
export function surviveBrokenOutput(): void {
  const { stdout, stderr } = process
  // Whoever has left needs to hear nothing.
  stdout.once('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE')
      stderr.write(`rowshift: standard output cannot be written (${code}); it is not complete\n`)
  })
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
  const terminals = [0, 1, 2].filter((fd) => isatty(fd))
  process.on('exit', () => {
    // Node puts terminals back into their old state, and aborts when that fails for one that is gone.
    for (const fd of terminals) if (!isatty(fd)) closeSync(fd)
  })
}
