/**
 * Rows and cells of the wire format, taken apart a second time: what verification says must not rest on the loops of the copy.
 * Simple rather than fast.
 */

const LF = 0x0a
const ESCAPES: Readonly<Record<string, number>> = { '0': 0x00, t: 0x09, n: 0x0a, r: 0x0d }

/** Each row with the line feed that ends it; views into the bytes. */
export function* rowsOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf('\n', from) + 1
    yield bytes.subarray(from, end)
    from = end
  }
}

/** The row without its last cell; a copy. */
export function withoutLastCell(row: Buffer): Buffer {
  const at = row.lastIndexOf('\t')
  const rest = Buffer.from(row.subarray(0, at + 1))
  rest[at] = LF
  return rest
}

/** The cells of one row: the bytes that they stand for, or null. */
export function cellsOfRow(row: Buffer): (Buffer | null)[] {
  const cells: (Buffer | null)[] = []
  const end = row.length - 1
  for (let from = 0; from <= end;) {
    const tab = row.indexOf('\t', from)
    const to = tab < 0 ? end : tab
    cells.push(cellOf(row.subarray(from, to)))
    from = to + 1
  }
  return cells
}

function cellOf(text: Buffer): Buffer | null {
  if (!text.includes('\\')) return text
  if (text.length === 2 && text[1] === 0x4e) return null
  const cell: number[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === 0x5c) {
      const letter = text[++at]!
      cell.push(ESCAPES[String.fromCharCode(letter)] ?? letter)
    } else cell.push(text[at]!)
  }
  return Buffer.from(cell)
}
