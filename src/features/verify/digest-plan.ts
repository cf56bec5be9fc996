import type { DigestFormat, DigestFormats, Reader } from '../../contract/plugin.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { ColumnPair } from '../../plan/mapping.js'

/** What both databases hash. Plain JSON. */
export interface DigestPlan {
  /** By column. */
  readonly formats: DigestFormats
  /** By column: the digest tells values apart that are read as the same cell. */
  readonly finer: readonly boolean[]
  /** Every column is in the digest, so ranges are compared by it; else only rows that are read anyway. */
  readonly ranges: boolean
}

interface ComparedSide {
  readonly reader: Reader
  readonly plan: SourceSpec
}

/** null: neither ranges nor rows are compared by a digest. */
export async function planDigest(
  source: ComparedSide,
  target: ComparedSide,
  pairs: readonly ColumnPair[],
): Promise<{ readonly digest: DigestPlan | null; readonly reason: string }> {
  const read = 'rows are read from both ends and compared here: '
  const computed = pairs.filter((pair) => pair.computedBy !== undefined).map((pair) => pair.target.name)
  if (computed.length > 0)
    return { digest: null, reason: `${read}worker threads make ${computed.join(', ')}` }
  if (source.plan.sources || target.plan.sources)
    return { digest: null, reason: `${read}one end is several tables` }
  const [a, b] = [
    await source.reader.skills.digest?.formats(source.plan),
    await target.reader.skills.digest?.formats(target.plan),
  ]
  if (!a || !b) return { digest: null, reason: `${read}one of the databases cannot compute digests` }
  const common = pairs.map((_, i) => commonFormat(a[i]!, b[i]!))
  const finer = common.map((format) => format?.finer === true)
  const other = pairs.filter((_, i) => common[i] === null)
  if (other.length === 0) {
    const formats = common.map((format) => format!.name)
    return { digest: { formats, finer, ranges: true }, reason: 'digests are computed inside both databases' }
  }
  const names = other.map(({ source, target }) => `${source.name} (${source.type}, ${target.type})`)
  const formats = common.map((format) => (format?.finer ? format.name : null))
  return {
    digest: finer.includes(true) ? { formats, finer, ranges: false } : null,
    reason: `${read}the databases write down differently ${names.join(', ')}`,
  }
}

function commonFormat(source: readonly DigestFormat[], target: readonly DigestFormat[]): DigestFormat | null {
  for (const format of source) {
    const same = target.find(({ name }) => name === format.name)
    if (same) return format.finer || same.finer ? { name: format.name, finer: true } : format
  }
  return null
}
