import type { DigestForm, DigestForms, Reader } from '../../contract/plugin.js'
import type { SourceSpec } from '../../contract/source-spec.js'
import type { ColumnPair } from '../../plan/mapping.js'

/** What both databases hash. Plain JSON. */
export interface DigestPlan {
  /** By column. */
  readonly forms: DigestForms
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
  const made = pairs.filter((pair) => pair.made !== undefined).map((pair) => pair.target.name)
  if (made.length > 0) return { digest: null, reason: `${read}worker threads make ${made.join(', ')}` }
  if (source.plan.sources || target.plan.sources)
    return { digest: null, reason: `${read}one end is several tables` }
  const [a, b] = [
    await source.reader.skills.digest?.forms(source.plan),
    await target.reader.skills.digest?.forms(target.plan),
  ]
  if (!a || !b) return { digest: null, reason: `${read}one of the databases cannot compute digests` }
  const common = pairs.map((_, i) => commonForm(a[i]!, b[i]!))
  const finer = common.map((form) => form?.finer === true)
  const other = pairs.filter((_, i) => common[i] === null)
  if (other.length === 0) {
    const forms = common.map((form) => form!.name)
    return { digest: { forms, finer, ranges: true }, reason: 'digests are computed inside both databases' }
  }
  const names = other.map(({ source, target }) => `${source.name} (${source.type}, ${target.type})`)
  const forms = common.map((form) => (form?.finer ? form.name : null))
  return {
    digest: finer.includes(true) ? { forms, finer, ranges: false } : null,
    reason: `${read}the databases write down differently ${names.join(', ')}`,
  }
}

function commonForm(source: readonly DigestForm[], target: readonly DigestForm[]): DigestForm | null {
  for (const form of source) {
    const same = target.find(({ name }) => name === form.name)
    if (same) return form.finer || same.finer ? { name: form.name, finer: true } : form
  }
  return null
}
