/** Keeps statements apart that would wait for each other's locks on tables. */
export class TableUse {
  /** Under way, or waiting for some that came before; in the order in which they came. */
  readonly #uses: Use[] = []

  /**
   * Does `work` once nobody else is at work on one of the tables who may not be at the same time: any number may read a table, and only one may change
   * it. Whoever came first begins first.
   */
  async hold<T>(tables: readonly string[], changes: boolean, work: () => Promise<T>): Promise<T> {
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    const use: Use = { tables, changes, ended }
    const before = this.#uses.filter((other) => areApart(other, use)).map((other) => other.ended)
    this.#uses.push(use)
    try {
      await Promise.all(before)
      return await work()
    } finally {
      this.#uses.splice(this.#uses.indexOf(use), 1)
      end()
    }
  }
}

interface Use {
  readonly tables: readonly string[]
  readonly changes: boolean
  readonly ended: Promise<void>
}

function areApart(one: Use, other: Use): boolean {
  return (one.changes || other.changes) && one.tables.some((table) => other.tables.includes(table))
}
