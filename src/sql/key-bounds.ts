/** Where windows by rising keys and versions end. */
import type { IncrementalRequest } from '../contract/read.js'
import { idsBegunAnew } from './begun-anew.js'
import { versionsBeginAnew } from './epoch.js'
import { highestValue } from './highest-value.js'
import { selectSql } from './select.js'
import type { SqlSession } from './session.js'
import type { WindowBounds, WindowSource } from './window-source.js'

/** The highest key ends the window, unless somebody may still commit a lower one. */
export async function keyBounds<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
): Promise<WindowBounds> {
  const { column, table, watermark: from } = request
  const none = { from, to: from, watermark: from }
  await source.see?.(session, 'all')
  const top = await highestValue(session, table.table, column, [aboveWatermark(session, request)])
  if (top === null) {
    await checkNextId(session, request, source)
    const reasons = ['nothing new: no key above the last one copied']
    return { ...none, reasons, warnings: [], delays: [] }
  }
  const settled = (await source.settleKeys?.(session, request, top)) ?? {
    to: top,
    holder: null,
    warnings: [],
    delays: [],
  }
  const { to, holder, warnings, delays } = settled
  if (to === null) return { ...none, reasons: ['nothing new that is committed'], warnings, delays }
  const reason = `${column.name} from ${from ?? 'the beginning'} (without it) to ${to}`
  if (holder === null)
    return {
      from,
      to,
      watermark: to,
      reasons: [`${reason}, below which nothing is under way`],
      warnings,
      delays,
    }
  if (!request.rereads) {
    const held = `keys above ${from ?? 'the beginning'} are left to the next run: ${holder} may hold a lower key`
    return { ...none, reasons: [held], warnings, delays: [...delays, held] }
  }
  const held = `the next run reads the keys of this one again: ${holder} may hold a lower key`
  return { from, to, watermark: from, reasons: [reason], warnings, delays: [...delays, held] }
}

/**
 * Numbers that rise with every change. No clock says when one is past, so all that was under way when the highest one was looked up must have
 * ended. Where it has not, the rows are read and the watermark stays. Rows may share a number, so those of the watermark itself
 * are read again.
 */
export async function versionBounds<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
): Promise<WindowBounds> {
  const { column, table, watermark, overlap } = request
  const { name } = column
  const from = watermark === null ? null : String(BigInt(watermark) - BigInt(overlap))
  const nothing = (reason: string, warnings: string[] = []): WindowBounds => {
    return { from: watermark, to: watermark, watermark, reasons: [reason], warnings, delays: [] }
  }
  // Of committed rows: a counter may be rolled back, and give out the same numbers again.
  await source.see?.(session, 'committed')
  const { dialect } = session
  const integers = dialect.isInteger?.(dialect.identifier(name))
  const top = await highestValue(session, table.table, column, integers === undefined ? [] : [integers])
  if (top === null) return nothing(`nothing new: no row of ${table.table} has a ${name}`)
  const isLower = watermark !== null && BigInt(top) < BigInt(watermark)
  const lower = isLower ? [versionsBeginAnew(name, top, watermark)] : []
  if (from !== null && BigInt(top) < BigInt(from)) return nothing('nothing new', lower)
  const to = String(BigInt(top) + 1n)
  const next = isLower ? watermark : top
  const { holder = null, hidden = null } =
    (await source.settleVersions?.(session, request, { from, to })) ?? {}
  const unseen = `${hidden}, so a row that gets its ${name} before this run and is committed after it is missed, unless overlap covers it`
  const warnings = hidden === null ? lower : [...lower, unseen]
  const reason = `${name} from ${from ?? 'the beginning'} up to ${top}; the next run reads ${next} again, since several rows may have it`
  if (holder === null) return { from, to, watermark: next, reasons: [reason], warnings, delays: [] }
  const held = `the watermark stays ${watermark === null ? 'unset' : `at ${watermark}`}, and the next run reads these rows again: ${holder} may hold a ${name} below ${top}`
  return { from, to, watermark, reasons: [reason], warnings, delays: [held] }
}

/** The condition of keys that no run has read. */
export function aboveWatermark({ dialect }: SqlSession, { column, watermark }: IncrementalRequest): string {
  if (watermark === null) return '1 = 1'
  return `${dialect.identifier(column.name)} > ${dialect.literal(column, watermark)}`
}

/**
 * Ids that the database gives go on above the highest one, unless the table was emptied or created again, or its counter was set back: then rows
 * that come next are below the watermark, and no run would read them.
 */
async function checkNextId<S extends SqlSession>(
  session: S,
  request: IncrementalRequest,
  source: WindowSource<S>,
): Promise<void> {
  const { table, column, watermark } = request
  if (watermark === null || column.kind !== 'integer') return
  const next = await source.nextId(session, request)
  if (next === null || BigInt(next) > BigInt(watermark)) return
  const { dialect } = session
  const name = dialect.identifier(column.name)
  const where = [`${name} >= ${dialect.literal(column, watermark)}`]
  const from = dialect.table(table.table)
  const rows = await session.query(selectSql({ select: ['1'], from, where, tail: ' LIMIT 1' }))
  if (rows.length === 0) throw idsBegunAnew(table.table, column.name, next, watermark)
}
