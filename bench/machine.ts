/** Where figures were measured. */
import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly gigabytes: number
  readonly system: string
  readonly node: string
  /** Of the minute before: what else was going on. */
  readonly load: number
  readonly commit: string
}

export function machine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    gigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    load: Number(loadavg()[0]!.toFixed(1)),
    commit: commit(),
  }
}

export function describeMachine({ cpu, cores, gigabytes, system, node, load, commit: at }: Machine): string {
  return `${cores} cores (${cpu}) shared by servers and clients, ${gigabytes} GiB, ${system}, Node.js ${node}, load before it ${load}, commit ${at}`
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
