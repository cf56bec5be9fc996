import type { WriteCounts, WriteMode } from '../../src/contract/plugin.js'
import type { OkResult } from './driver.js'

/** A figure of the OK packet's text. It is complete where the packet's own warning field stops at 65,535. */
export function figure(ok: OkResult, name: string): number {
  const match = new RegExp(`\\b${name}: (\\d+)`).exec(ok.info)
  return match ? Number(match[1]) : 0
}

export function warnings(ok: OkResult): number {
  return ok.info === '' ? ok.warningStatus : figure(ok, 'Warnings')
}

/**
 * What an INSERT or REPLACE did with its rows; null when the server's figures do not add up. Without FOUND_ROWS an
 * inserted row counts as 1 affected, an updated one as 2 and one that is equal already as 0; a replaced one as 1, and
 * 1 more for each row that it deleted.
 */
export function duplicateCounts(mode: WriteMode, ok: OkResult, rows: number): Partial<WriteCounts> | null {
  const affected = ok.affectedRows
  if (mode === 'insert') return affected === rows ? { rowsWritten: rows } : null
  if (mode === 'replace') {
    return affected >= rows ? { rowsWritten: rows, rowsChanged: Math.min(affected - rows, rows) } : null
  }
  if (mode === 'ignore') {
    return affected <= rows ? { rowsWritten: affected, rowsSkipped: rows - affected } : null
  }
  // The text with the number of duplicates is there from two rows on.
  const changed = ok.info === '' ? Math.floor(affected / 2) : figure(ok, 'Duplicates')
  const inserted = affected - 2 * changed
  const unchanged = rows - inserted - changed
  if (inserted < 0 || unchanged < 0) return null
  return { rowsWritten: inserted + changed, rowsChanged: changed, rowsUnchanged: unchanged }
}
