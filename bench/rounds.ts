/** Contenders by turns, so that what else the machine does falls on all of them alike. */
import { median } from './spread.js'
import type { Figure } from './question.js'

export interface Sample {
  readonly seconds: number
  /** Of the client, whatever that is. */
  readonly cpuSeconds?: number
  readonly serverSeconds?: number | null
  readonly peakMegabytes?: number
  /** What it was found to do, as the write path of a run. */
  readonly word?: string
}

/** One round after the other, every second one in reverse. A contender that fails is left out of the others. */
export async function alternately(
  rounds: number,
  contenders: Readonly<Record<string, () => Promise<Sample>>>,
  notes: string[] = [],
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const order = [...samples.keys()]
    for (const name of round % 2 === 0 ? order : order.reverse()) {
      try {
        const sample = await contenders[name]!()
        samples.get(name)!.push(sample)
        process.stderr.write(`  ${name}: ${sample.seconds.toFixed(2)} s\n`)
      } catch (error) {
        samples.delete(name)
        const why = (error as Error).message.trim().split('\n').at(-1)!
        notes.push(`${name} failed: ${why.slice(0, 200)}`)
        process.stderr.write(`  ${notes.at(-1)}\n`)
      }
    }
  }
  return samples
}

/** What a line of the table says of the samples of one contender. `base`: those that it is compared with. */
export function figuresOf(
  samples: readonly Sample[],
  rows: number,
  base: readonly Sample[] = [],
): Record<string, Figure> {
  const seconds = samples.map((sample) => sample.seconds)
  const perMillion = (values: readonly (number | null | undefined)[]) =>
    values.flatMap((value) => (value === null || value === undefined ? [] : [(value / rows) * 1e6]))
  const client = perMillion(samples.map((sample) => sample.cpuSeconds))
  const server = perMillion(samples.map((sample) => sample.serverSeconds))
  const peaks = samples.flatMap(({ peakMegabytes }) => peakMegabytes ?? [])
  return {
    seconds,
    ...(base.length > 0 && { ratio: median(seconds) / median(base.map((sample) => sample.seconds)) }),
    ...(client.length > 0 && { 'client CPU, s per million rows': client }),
    ...(server.length > 0 && { 'server CPU, s per million rows': server }),
    ...(peaks.length > 0 && { 'peak memory, MB': Math.max(...peaks) }),
  }
}

/** What `work` takes, in this process. */
export async function timed(work: () => Promise<unknown>): Promise<Sample> {
  const started = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
}
