import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { USUAL_SIGNALS, type Launch, type LaunchOptions } from './launch.js'
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

/** What an image calls its password, and where it listens. */
export interface Image {
  readonly password: string
  readonly port: number
}

export const MYSQL_IMAGE: Image = { password: 'MYSQL_ROOT_PASSWORD', port: 3306 }
export const POSTGRES_IMAGE: Image = { password: 'POSTGRES_PASSWORD', port: 5432 }

/** A container that goes away with its server. Its socket and certificates stay inside. */
export function launchInDocker(
  image: string,
  { port, password, serverArgs }: LaunchOptions,
  inside: Image,
): Launch {
  say(`fetching the Docker image ${image} …`)
  run('docker', ['pull', '--quiet', image])
  const directory = mkdtempSync(join(tmpdir(), 'rowshift-'))
  const settings = [
    '--env',
    `${inside.password}=${password}`,
    '--publish',
    `127.0.0.1:${port}:${inside.port}`,
  ]
  const command = ['docker', 'run', '--rm', ...settings, image, ...serverArgs]
  const log = join(directory, 'server.log')
  return { directory, commands: [command], log, socket: null, ca: null, signals: USUAL_SIGNALS }
}
