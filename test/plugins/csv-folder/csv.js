// RFC 4180. It has no NULL: here an empty cell is NULL, and an empty text is in quotes.
import { RowshiftError } from 'rowshift/plugin'

/** The records of a file, from its chunks of text, each with its cells: texts, or null. */
export async function* records(chunks, file) {
  let cells = []
  let text = ''
  // What stands before: `start` a comma or nothing, `plain` a cell without quotes, `quoted` a cell in quotes, `quote` a quote in one, `cr` a carriage return.
  let state = 'start'
  let line = 1
  const endCell = () => {
    cells.push(state === 'start' ? null : text)
    text = ''
    state = 'start'
  }
  for await (const chunk of chunks) {
    for (const character of chunk) {
      if (character === '\n') line++
      if (state === 'quoted') {
        if (character === '"') state = 'quote'
        else text += character
      } else if (state === 'cr' && character !== '\n') {
        throw odd(file, line, 'has a carriage return outside of quotes')
      } else if (character === ',') {
        endCell()
      } else if (character === '\r') {
        endCell()
        state = 'cr'
      } else if (character === '\n') {
        if (state !== 'cr') endCell()
        state = 'start'
        yield cells
        cells = []
      } else if (character === '"') {
        if (state === 'plain') throw odd(file, line, 'has a quote in a cell without quotes')
        if (state === 'quote') text += '"'
        state = 'quoted'
      } else {
        if (state === 'quote') throw odd(file, line, 'goes on after the quote that ends a cell')
        text += character
        state = 'plain'
      }
    }
  }
  if (state === 'quoted') throw odd(file, line, 'ends inside quotes')
  if (cells.length === 0 && state === 'start') return
  if (state !== 'cr') endCell()
  yield cells
}

/** A record as it stands in a file. */
export function record(cells) {
  return `${cells.map(cell).join(',')}\r\n`
}

function cell(text) {
  if (text === null) return ''
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function odd(file, line, fault) {
  return new RowshiftError('DATA_REJECTED', `Line ${line} of ${file} ${fault}. Correct it there.`, {
    file,
    line,
  })
}
