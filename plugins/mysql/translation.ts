import type { DdlItem } from './ddl.js'

/** Why the new table differs from the source's. */
export class Notes {
  readonly reasons: string[] = []
  readonly warnings: string[] = []

  addReason(reason: string): void {
    this.reasons.push(reason)
  }

  warn(warning: string): void {
    this.warnings.push(warning)
  }
}

export interface Translation {
  /** null: the item has no counterpart. */
  readonly item: (item: DdlItem) => DdlItem | null
  readonly options: (options: readonly string[]) => readonly string[]
}
