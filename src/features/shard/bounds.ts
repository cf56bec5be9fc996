import type { ColumnKind } from '../../contract/table-schema.js'

/** How values of a kind are compared with the bounds of ranges; `parse` gives null for what is not a value of the kind. */
interface Order<T> {
  readonly parse: (cell: Buffer) => T | null
  readonly below: (a: T, b: T) => boolean
}

/** null: values of this kind have no order that both ends agree on. */
export function orderOf(kind: ColumnKind): Order<unknown> | null {
  switch (kind) {
    case 'integer':
    case 'decimal':
      return decimals as Order<unknown>
    case 'date':
    case 'datetime':
    case 'instant':
      return dates as Order<unknown>
    case 'text':
      return texts as Order<unknown>
    default:
      return null
  }
}

/** With as many places as the longest fraction of a DECIMAL in any database that is likely to be met. */
const MOST_DECIMALS = 40

const decimals: Order<bigint> = {
  parse: (cell) => {
    const [, sign, whole, fraction = ''] = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(cell.toString('latin1')) ?? []
    if (whole === undefined || fraction.length > MOST_DECIMALS) return null
    const value = BigInt(whole + fraction.padEnd(MOST_DECIMALS, '0'))
    return sign === '-' ? -value : value
  },
  below: (a, b) => a < b,
}

/** From the year to the last digit, text sorts as time does; a bound may be the beginning of such a text. */
const dates: Order<string> = {
  parse: (cell) => {
    const text = cell.toString('latin1')
    return /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?$/.test(text) ? text : null
  },
  below: (a, b) => a < b,
}

/** By code points, whatever the collation. */
const texts: Order<Buffer> = {
  parse: (cell) => cell,
  below: (a, b) => Buffer.compare(a, b) < 0,
}
