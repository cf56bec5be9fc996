/**
 * Which values a column can hold, in words that no database owns. Plans compare the value ranges of two columns to say, before a
 * row moves, whether every value of one fits into the other.
 *
 * A field that is absent is not a bound: a source may have any such value, a target takes every one.
 */
export interface ValueRange {
  /**
   * The declared type is advice: a value of any size or form may stand in the column. What such a source holds
   * is not known before it is read, so each value is checked when it is written.
   */
  readonly dynamic?: true
  /** Its cells may have the encoding `stored`: a column of the same type takes any value that this one holds. */
  readonly stored?: true

  /** Least number, as digits: an integer's whole range, or `0` for a decimal or float without sign. */
  readonly min?: string
  /** Greatest integer, as digits. */
  readonly max?: string
  /** Most digits in all, and how many of them stand after the point. */
  readonly precision?: number
  readonly scale?: number
  /** Significant bits of numbers that are kept in binary: 24 (about 7 digits) or 53 (about 15). */
  readonly bits?: 24 | 53
  /** Which numbers are possible that no digits write. Default: all of them for floats, none for decimals. */
  readonly nonFinite?: 'none' | 'infinities' | 'nan' | 'all'
  /** A float of −0 is kept as 0. */
  readonly unsignedZero?: true

  /** Most characters of a text. For numbers: of the text that they are read as, where that is padded. */
  readonly maxChars?: number
  /** Most bytes: of a text in the column's own encoding, or of a byte string. */
  readonly maxBytes?: number
  readonly characters?: Characters
  /** The only texts that the column takes, in any order. */
  readonly members?: readonly string[]
  /** Those of `members` that their own text does not lead to: the database takes it for another one, or for none. */
  readonly ambiguous?: readonly string[]
  /** A value is a list of members, divided by commas. */
  readonly multiValued?: true
  /** A text with the character NUL is refused. */
  readonly rejectsNul?: true
  /** Spaces at the end are not kept. */
  readonly stripsTrailingSpaces?: true
  /** Shorter byte strings are padded to `maxBytes`. */
  readonly padded?: true
  /** A number written as bytes: its bits. Zero bytes before it do not matter. */
  readonly maxBits?: number
  /**
   * What all values are beyond text or bytes, from general to special: `['a geometry', 'a point']`. A column takes
   * values that are what its last word says.
   */
  readonly subtypes?: readonly string[]
  /** JSON is parsed and written anew: key order, repeated keys, spaces and the spelling of numbers are not kept. */
  readonly normalised?: true

  /** Most digits of a second. */
  readonly fractionDigits?: number
  /**
   * Which dates that no calendar has are possible: none, `0000-00-00` only, or also such with month or day 0.
   */
  readonly dates?: 'calendar' | 'zero' | 'partial'
  /** First and last date, moment or time, as cell text; a zero date is before all. */
  readonly earliest?: string
  readonly latest?: string
  /** Years before 1 (`0044-03-15 BC`) and after 9999 are possible as well, and so are `infinity` and `-infinity`. */
  readonly anyYear?: true
}

/** The characters of a text column. */
export interface Characters {
  /** `unicode` for all, `bmp` for those up to U+FFFF, else the name of a character set. */
  readonly coverage: string
  /** How the column encodes them, where limits count bytes. */
  readonly encoding: string
  /** Most bytes of one character in that encoding. */
  readonly maxBytes: number
  /**
   * Not every text of this encoding is known to come back from UTF-8 as it was: codes may share a character, or have none. Names
   * the characters of the encoding as its database sees them, so that two columns with the same name may exchange bytes.
   */
  readonly mapping?: string
  /** What the character set covers, as first and last code point of each range; asked for only where it is needed. */
  readonly ranges?: readonly (readonly [number, number])[]
}

/**
 * What becomes of a column's values:
 *
 * - `exact`: the same values in the same type;
 * - `widening`: every value that the source can hold fits unchanged;
 * - `checked`: the source does not say what it holds, or only a value that hardly any column holds does not fit; such a value
 *   fails the run;
 * - `lossy`: some value that the source can hold would be changed or refused;
 * - `impossible`: values of one have no meaning in the other.
 */
export type ConversionClass = 'exact' | 'widening' | 'checked' | 'lossy' | 'impossible'

export interface ConversionCheck {
  readonly conversion: ConversionClass
  /** For people: what fits, or what would be lost. */
  readonly why: string
}
