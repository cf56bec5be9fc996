import { RowshiftError } from '../../contract/errors.js'
import type { WriteMode } from '../../contract/plugin.js'
import type { Findings } from './messages.js'
import type { Differences } from './row-comparison.js'
import { MOST_NAMED } from './row-key.js'

export const noDifferences: Differences = {
  missing: 0,
  extra: 0,
  different: 0,
  unmade: 0,
  missingRows: [],
  extraRows: [],
  differentRows: [],
  unmadeRows: [],
}

export const noFindings: Findings = {
  sourceRows: 0,
  targetRows: 0,
  filtered: 0,
  differences: noDifferences,
  ranges: [],
  shardError: null,
}

export function areEqual({ missing, extra, different }: Differences): boolean {
  return missing + extra + different === 0
}

/** Without rows that are not of the copy, and those that its write mode leaves alone. */
export function withoutOthers(findings: Findings, writeMode: WriteMode): Findings {
  const none = writeMode === 'ignore' ? { different: 0, differentRows: [] } : {}
  return { ...findings, differences: { ...findings.differences, extra: 0, extraRows: [], ...none } }
}

/** Throws SHARD_UNKNOWN where a repair would meet a row that no table is for, when it has changed others already. */
export function checkPlacement({ shardError }: Findings): void {
  if (shardError === null) return
  const { code, message, details } = shardError
  throw new RowshiftError(code, `${message} Nothing was changed.`, details)
}

export function addFindings(a: Findings, b: Findings): Findings {
  return {
    sourceRows: a.sourceRows + b.sourceRows,
    targetRows: a.targetRows + b.targetRows,
    filtered: a.filtered + b.filtered,
    differences: addDifferences(a.differences, b.differences),
    ranges: [...a.ranges, ...b.ranges],
    shardError: a.shardError ?? b.shardError,
  }
}

function addDifferences(a: Differences, b: Differences): Differences {
  if (areEqual(b)) return a
  return {
    missing: a.missing + b.missing,
    extra: a.extra + b.extra,
    different: a.different + b.different,
    unmade: a.unmade + b.unmade,
    missingRows: [...a.missingRows, ...b.missingRows].slice(0, MOST_NAMED),
    extraRows: [...a.extraRows, ...b.extraRows].slice(0, MOST_NAMED),
    differentRows: [...a.differentRows, ...b.differentRows].slice(0, MOST_NAMED),
    unmadeRows: [...a.unmadeRows, ...b.unmadeRows].slice(0, MOST_NAMED),
  }
}
