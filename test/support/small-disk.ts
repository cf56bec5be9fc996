// A file system of a few megabytes, to be full soon: a tmpfs, which takes root to mount.
import { execFileSync } from 'node:child_process'
import { isRoot } from './launch.js'
import { findProgram } from './machine.js'

export const canMount = isRoot && process.platform === 'linux' && findProgram('mount') !== null

export class SmallDisk {
  readonly #folder: string

  /** In the place of a folder that is there. */
  constructor(folder: string, megabytes: number) {
    this.#folder = folder
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=0777,size=${megabytes}m`, 'rowshift-test', folder])
  }

  /** Somebody makes room. */
  grow(megabytes: number): void {
    execFileSync('mount', ['-o', `remount,size=${megabytes}m`, this.#folder])
  }

  remove(): void {
    execFileSync('umount', ['--lazy', this.#folder])
  }
}
