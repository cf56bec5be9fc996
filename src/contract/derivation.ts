/**
 * Derived columns: values that the source computes in its own SELECT, so that rows stay bytes on their way. A plan says what
 * is wanted in words that no database owns; a {@link Reader} that can compute it answers with columns of its table that
 * have `sql`. Part of the plugin contract.
 */

/** A value as the user wrote it; numbers and booleans as their cell text. null is NULL. */
export type Literal = string | null

/** What a derived column starts from. Names are those of the table's columns, exactly. */
export type Origin =
  | { readonly type: 'column'; readonly name: string }
  /** The same value in every row. */
  | { readonly type: 'constant'; readonly value: Literal }
  /** An expression in the source's own SQL. It must give one value per row. */
  | { readonly type: 'sql'; readonly sql: string }
  /** Texts and columns, one behind the other. NULL when one of the columns is. */
  | { readonly type: 'template'; readonly parts: readonly TemplatePart[] }

export type TemplatePart = { readonly text: string } | { readonly column: string }

/** What a value is made into. NULL is NULL after each step but `default`. */
export type Step =
  /** Spaces at both ends are taken away. */
  | { readonly type: 'trim' }
  /** Every occurrence of each text becomes the other one, pair by pair. Compared byte by byte. */
  | { readonly type: 'replace'; readonly pairs: readonly (readonly [string, string])[] }
  /** Values become others. Numbers are compared as numbers, everything else by its bytes. */
  | {
      readonly type: 'map'
      readonly pairs: readonly (readonly [string, Literal])[]
      readonly unmapped: Unmapped
    }
  /** The value as another type. One that the type cannot hold exactly is an error. */
  | { readonly type: 'cast'; readonly to: CastType }
  /** All characters but the first and the last become another; all of them where no other would be left. */
  | { readonly type: 'mask'; readonly first: number; readonly last: number; readonly with: string }
  /** The SHA-256 of the salt and the value's bytes (text in UTF-8), as 64 hexadecimal digits. */
  | { readonly type: 'hash'; readonly salt: string }
  /** What NULL becomes. */
  | { readonly type: 'default'; readonly value: string }

/** What becomes of a value that a map does not name: the run fails, it stays, or it becomes another. */
export type Unmapped = 'error' | 'keep' | { readonly value: Literal }

export type CastType =
  | { readonly kind: 'integer'; readonly name: string; readonly min: string; readonly max: string }
  | { readonly kind: 'decimal'; readonly name: string; readonly precision: number; readonly scale: number }
  | { readonly kind: 'float'; readonly name: string }
  /** `maxChars` null: of any length. */
  | { readonly kind: 'text'; readonly name: string; readonly maxChars: number | null }
  | { readonly kind: 'date'; readonly name: string }
  | { readonly kind: 'datetime'; readonly name: string; readonly fractionDigits: number }

/** One wanted column. Steps are taken in the order given. */
export interface Derivation {
  /** Where the user asked for it, for faults: `params.columns[2]`. */
  readonly at: string
  /** What the derived column is called: the column that it is made of, else the one that it is for. */
  readonly name: string
  readonly origin: Origin
  /** Of the text column that it is for: a text in that encoding must come back from UTF-8 as it was. Default: no text. */
  readonly encoding?: string
  readonly steps: readonly Step[]
}

/**
 * Rows for which a derived column fails. Its `sql` must fail there, so that no such row is ever read; this says which rows
 * those are, so that a person can be told.
 */
export interface RowCheck {
  /** A condition in the source's own SQL that is true for exactly those rows. */
  readonly condition: string
  /** The value that is to blame, as an expression. */
  readonly value: string
  /** For people, after the value: `is not in "map" of params.columns[2]`. */
  readonly why: string
}
