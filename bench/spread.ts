/** How benchmarks print what they have measured. */
import type { Measured } from './run.js'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** `median (min–max)` */
export function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`
}

/** What runs over so many rows took besides time. */
export function costs(runs: readonly Measured[], rows: number): string {
  const cpu = runs.map(({ cpuSeconds }) => (cpuSeconds / rows) * 1e6)
  const peak = Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes))
  return `client CPU per million rows ${spread(cpu)}   peak RSS ${peak.toFixed(0)} MB`
}
