import type { Column } from '../contract/table-schema.js'

/** How one database is asked for values that a target's column would not hold as they are. Every argument is an expression, every result an expression or a condition. */
export interface LossSql {
  isNotInteger(text: string): string
  /** A number without what follows so many decimal places. */
  truncated(number: string, places: number): string
  characters(text: string): string
  /** How many bytes a text, or a byte string, takes. */
  bytes(value: string): string
  /** A text in the character set of the target's column; what that set does not have becomes another character. */
  converted(text: string, target: Column): string
  /** A text as it must be compared so that only equal bytes are equal, in whatever character set it is. */
  exact(text: string): string
  isNotMidnight(moment: string): string
  microseconds(moment: string): string
}
