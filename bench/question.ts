/** What a benchmark answers, and the form of every answer. */

export interface Question {
  /** One sentence, for the list and the page. */
  readonly asks: string
  /** Every option with its default; lists are separated by commas. */
  readonly options: Options
  /** What `all --quick` gives instead; null: it takes too long, or is not about speed. */
  readonly quick: Options | null
  readonly answer: (options: Options) => Promise<Answer>
}

export type Options = Readonly<Record<string, string>>

export interface Answer {
  /** Versions of the servers, rows, rounds and whatever else the figures depend on. */
  readonly settings: readonly string[]
  readonly lines: readonly Line[]
  /** What was not measured, and why; goals that were missed. */
  readonly notes?: readonly string[]
}

/** One line of the table: what was measured, and its figures. */
export interface Line {
  /** The last one tells contenders apart; all before it, what they contend in. */
  readonly labels: Readonly<Record<string, string>>
  readonly figures: Readonly<Record<string, Figure>>
}

/** Of all rounds, one number, or a word. */
export type Figure = readonly number[] | number | string

export function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '')
}
