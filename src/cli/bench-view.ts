/** What `rowshift bench` shows of its measurements: lines, bars on a terminal, and the same bars as SVG. */
import { most } from '../sql/literals.js'
import type { BenchResult } from '../features/bench/bench.js'
import type { Cell, Setting } from '../features/bench/grid.js'
import { paramsOf } from '../features/bench/grid.js'
import { formatBytes, formatCount, formatRows, formatThreads } from './output.js'

const BAR_WIDTH = 40

/** `load-data, 4 threads, 20,000 rows per split`; `automatic`: none of these is set. */
export function settingText({ writePath, workerNum, readBatch }: Setting): string {
  const parts = [
    writePath,
    workerNum === null ? null : formatThreads(workerNum),
    readBatch === null ? null : `${formatRows(readBatch)} per split`,
  ].filter((part) => part !== null)
  return parts.length === 0 ? 'automatic' : parts.join(', ')
}

export function rateText({ rowsPerSecond, bytesPerSecond }: Cell): string {
  return `${formatCount(rowsPerSecond)} rows/s, ${formatBytes(bytesPerSecond)}/s`
}

/** As it is measured. */
export function cellText(cell: Cell): string {
  return `${settingText(cell)}: ${cell.impossible === null ? rateText(cell) : `not possible here: ${cell.impossible}`}`
}

export function resultText(result: BenchResult): string {
  const { cells, fastest, recommended, left } = result
  const measured = possible(cells)
  const width = most(measured.map((cell) => settingText(cell).length))
  const lines = measured.map((cell) => {
    const bar = '█'.repeat(Math.max(1, Math.round((cell.rowsPerSecond / fastest.rowsPerSecond) * BAR_WIDTH)))
    const mark = cell === recommended ? '  <- recommended' : ''
    return `${settingText(cell).padEnd(width)}  ${bar.padEnd(BAR_WIDTH)}  ${rateText(cell)}${mark}`
  })
  const impossible = cells.filter((cell) => cell.impossible !== null)
  return [
    ...lines,
    ...impossible.map((cell) => cellText(cell)),
    ...(left.length === 0
      ? []
      : [`There was no time for ${left.map(settingText).join('; ')}: give more --seconds.`]),
    '',
    ...adviceOf(result),
  ].join('\n')
}

function adviceOf({ cells, recommended }: BenchResult): string[] {
  const params = paramsOf(recommended)
  if (Object.keys(params).length === 0)
    return ['Nothing to set: what a copy chooses by itself is as fast as the fastest of these, or nearly.']
  const automatic = cells.find((cell) => Object.keys(paramsOf(cell)).length === 0)
  const faster =
    automatic === undefined || automatic.rowsPerSecond === 0
      ? ''
      : `, ${(recommended.rowsPerSecond / automatic.rowsPerSecond).toFixed(2)} times as fast as without these params`
  return [
    `Recommended: ${settingText(recommended)}${faster}.`,
    `Params of a task:  ${JSON.stringify(params)}`,
    `rowshift copy:     ${Object.entries(params)
      .map(([name, value]) => `--param ${name}=${value}`)
      .join(' ')}`,
  ]
}

const ROW = 24
const LEFT = 260
const BARS = 420
const RIGHT = 170

/** A picture that stands by itself: title, a bar for each setting, its rate. */
export function resultSvg(result: BenchResult, title: string): string {
  const { cells, fastest, recommended } = result
  const measured = possible(cells)
  const height = 56 + measured.length * ROW
  const bars = measured.map((cell, i) => {
    const y = 44 + i * ROW
    const width = Math.max(1, Math.round((cell.rowsPerSecond / fastest.rowsPerSecond) * BARS))
    const fill = cell === recommended ? '#1a7f37' : '#6e9bd1'
    return [
      `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${escaped(settingText(cell))}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width}" height="${ROW - 8}" fill="${fill}"/>`,
      `<text x="${LEFT + width + 6}" y="${y + 13}">${escaped(`${formatCount(cell.rowsPerSecond)} rows/s`)}</text>`,
    ].join('\n')
  })
  const size = `width="${LEFT + BARS + RIGHT}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>
${bars.join('\n')}
</svg>
`
}

/** What was measured, alike beside alike. */
function possible(cells: readonly Cell[]): readonly Cell[] {
  const order = ({ writePath, workerNum }: Cell) => [writePath ?? '', workerNum ?? 0] as const
  return cells
    .filter((cell) => cell.impossible === null)
    .sort((a, b) => {
      const [[path, threads], [otherPath, otherThreads]] = [order(a), order(b)]
      return path === otherPath ? threads - otherThreads : path < otherPath ? -1 : 1
    })
}

/** Control characters have no place in XML, whatever a table is called. */
function escaped(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
