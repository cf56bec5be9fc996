/**
 * The watermarks of a task that copies tables one by one. Each table has those of a task of its own. They stand in the task store under
 * names that are short enough for it, each with what it is about.
 */
import { createHash } from 'node:crypto'
import { subjectOf } from '../../engine/watermark-subject.js'

type Watermarks = Readonly<Record<string, string>>

const MODES = ['append', 'increment'] as const

export interface TableWatermark {
  readonly table: string
  readonly mode: (typeof MODES)[number]
  readonly value: string
  /** What it is about, as `withSubject` reads it; null: it was set by hand. */
  readonly about: string | null
}

/** As the task store keeps them, of those that one table has. */
export function storedWatermarks(table: string, watermarks: Watermarks): Watermarks {
  const rows = MODES.flatMap((mode) => {
    const value = watermarks[mode]
    if (value === undefined) return []
    const about = watermarks[subjectOf(mode)] ?? null
    return [[nameOf(table, mode), JSON.stringify({ table, mode, value, about } satisfies TableWatermark)]]
  })
  return Object.fromEntries(rows) as Watermarks
}

/** Of all tables of a task. */
export function tableWatermarks(stored: Watermarks): readonly TableWatermark[] {
  return Object.entries(stored).flatMap(([name, text]) => {
    const row = name.includes('/') ? parsed(text) : null
    return row !== null && name === nameOf(row.table, row.mode) ? [row] : []
  })
}

/** By table: those of a task that copies it alone. */
export function watermarksByTable(stored: Watermarks): ReadonlyMap<string, Watermarks> {
  const byTable = new Map<string, Record<string, string>>()
  for (const { table, mode, value, about } of tableWatermarks(stored)) {
    const own = byTable.get(table) ?? {}
    byTable.set(table, own)
    own[mode] = value
    if (about !== null) own[subjectOf(mode)] = about
  }
  return byTable
}

/** Names are known by their digest: the store has 20 characters for one. */
export function nameOf(table: string, mode: TableWatermark['mode']): string {
  return `${mode[0]!}/${createHash('sha256').update(table).digest('hex').slice(0, 18)}`
}

function parsed(text: string): TableWatermark | null {
  try {
    const { table, mode, value, about } = JSON.parse(text) as TableWatermark
    const isWhole = typeof table === 'string' && MODES.includes(mode) && typeof value === 'string'
    return isWhole ? { table, mode, value, about } : null
  } catch {
    return null
  }
}
