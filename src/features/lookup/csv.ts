/** Files of values divided by commas, as RFC 4180 describes them. */

/** The fields of a line, and the line of the file at which it begins. */
export interface CsvRecord {
  readonly line: number
  readonly fields: readonly string[]
}

/** What is not CSV, and where: `line 3: …`. */
export class CsvError extends Error {}

/** All records. Lines end in CR LF or LF; the last one need not end. Throws CsvError. */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = []
  let [at, line] = [0, 1]
  while (at < text.length) {
    const first = line
    const fields: string[] = []
    for (;;) {
      const field = text[at] === '"' ? quoted(text, at, line) : plain(text, at, line)
      fields.push(field.value)
      at = field.end
      line += field.lines
      if (text[at] !== ',') break
      at++
    }
    records.push({ line: first, fields })
    if (text[at] === '\r') at++
    at++
    line++
  }
  return records
}

interface Field {
  readonly value: string
  /** Where the character behind it stands: a comma or the end of the line. */
  readonly end: number
  /** How many line ends are in it. */
  readonly lines: number
}

const PLAIN = /[^,"\r\n]*/y
const QUOTED = /[^"]*/y

function plain(text: string, start: number, line: number): Field {
  PLAIN.lastIndex = start
  const [value] = PLAIN.exec(text)!
  const end = start + value.length
  if (text[end] === '"') throw new CsvError(`line ${line}: a quote inside a field without quotes around it`)
  return { value, end: checkedEnd(text, end, line), lines: 0 }
}

function quoted(text: string, start: number, line: number): Field {
  let value = ''
  for (let at = start + 1; ; at += 2) {
    QUOTED.lastIndex = at
    const [part] = QUOTED.exec(text)!
    value += part
    at += part.length
    if (at >= text.length) throw new CsvError(`line ${line}: a quote that is not closed`)
    if (text[at + 1] === '"') {
      value += '"'
      continue
    }
    const lines = value.split('\n').length - 1
    return { value, end: checkedEnd(text, at + 1, line + lines), lines }
  }
}

/** A field ends before a comma, a line end or nothing. */
function checkedEnd(text: string, end: number, line: number): number {
  const next = text[end]
  if (next === undefined || next === ',' || next === '\n') return end
  if (next === '\r' && text[end + 1] === '\n') return end
  const what = next === '\r' ? 'a CR without LF' : 'a character after the quote that closes the field'
  throw new CsvError(`line ${line}: ${what}`)
}
