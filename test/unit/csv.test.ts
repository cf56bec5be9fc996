// CSV as RFC 4180 has it, and where a file is not.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { CsvError, parseCsv } from '../../src/features/lookup/csv.js'

const fields = (text: string) => parseCsv(text).map((record) => record.fields)

describe('CSV', () => {
  it('keeps every character of a field, quoted or not', () => {
    expect(fields('a,b\r\n1, 2 \r\n')).to.deep.equal([
      ['a', 'b'],
      ['1', ' 2 '],
    ])
    expect(fields('a,"b"\n"x ""y"", z","line\r\nend"')).to.deep.equal([
      ['a', 'b'],
      ['x "y", z', 'line\r\nend'],
    ])
    expect(fields('')).to.deep.equal([])
    expect(fields(',\n""')).to.deep.equal([['', ''], ['']])
    expect(fields('é\tz\\N,🙂;\n\n')).to.deep.equal([['é\tz\\N', '🙂;'], ['']])
  })

  it('knows the line at which a record begins', () => {
    expect(parseCsv('a\n"x\n\ny"\nb').map(({ line }) => line)).to.deep.equal([1, 2, 5])
  })

  it('says what is wrong, and in which line', () => {
    const wrong: Record<string, string> = {
      'a\nb"c': 'line 2: a quote inside a field without quotes around it',
      'a\n"b\nc': 'line 2: a quote that is not closed',
      '"a\n" b': 'line 2: a character after the quote that closes the field',
      'a\rb': 'line 1: a CR without LF',
      'a,"': 'line 1: a quote that is not closed',
    }
    for (const [text, fault] of Object.entries(wrong)) expect(() => parseCsv(text)).to.throw(CsvError, fault)
  })
})
