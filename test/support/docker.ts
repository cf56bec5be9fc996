import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Launch, LaunchOptions } from './launch.js'
import { findProgram, run, say } from './machine.js'

export function hasDocker(): boolean {
  if (!findProgram('docker')) return false
  try {
    run('docker', ['info'])
    return true
  } catch {
    return false
  }
}

/** A container that goes away with its server. Its socket and certificates stay inside. */
export function launchInDocker(image: string, { port, password, serverArgs }: LaunchOptions): Launch {
  say(`fetching the Docker image ${image} …`)
  run('docker', ['pull', '--quiet', image])
  const directory = mkdtempSync(join(tmpdir(), 'rowshift-'))
  const settings = ['--env', `MYSQL_ROOT_PASSWORD=${password}`, '--publish', `127.0.0.1:${port}:3306`]
  const command = ['docker', 'run', '--rm', ...settings, image, ...serverArgs]
  return { directory, commands: [command], log: join(directory, 'server.log'), socket: null, ca: null }
}
