/** How measured numbers are summed up. */
import type { Figure } from './question.js'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** `median (min–max)` */
export function spread(values: readonly number[]): string {
  const digits = digitsOf(values)
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  )
  return least === most ? middle! : `${middle} (${least}–${most})`
}

export function shown(figure: Figure | undefined): string {
  if (figure === undefined) return ''
  if (typeof figure === 'string') return figure
  return typeof figure === 'number' ? figure.toFixed(digitsOf([figure])) : spread(figure)
}

/** Three digits that mean something. */
function digitsOf(values: readonly number[]): number {
  const most = Math.max(...values.map(Math.abs))
  if (most >= 100) return 0
  return most >= 10 ? 1 : most >= 0.1 || most === 0 ? 2 : 4
}
