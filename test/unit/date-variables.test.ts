import { expect } from 'chai'
import { describe, it } from 'mocha'
import { withDates } from '../../src/task/date-variables.js'

const NOW = new Date('2026-03-31T18:04:05Z')
const at = (text: string, zone: string | null = null) => withDates(text, NOW, zone)

describe('date variables', () => {
  it('are told by the clock of the zone, UTC by default', () => {
    expect(at('${today} ${yesterday} ${tomorrow} ${now}')).to.equal(
      '2026-03-31 2026-03-30 2026-04-01 2026-03-31 18:04:05',
    )
    expect(at('${today} ${now:HH:mm}', '+08:00')).to.equal('2026-04-01 02:04')
    expect(at('${today} ${now:HH:mm}', '-03:30')).to.equal('2026-03-31 14:34')
    expect(at('${today} ${now:HH:mm}', 'Asia/Shanghai')).to.equal('2026-04-01 02:04')
    expect(at('${month} ${year}', '+08:00')).to.equal('2026-04-01 2026-01-01')
  })

  it('take steps and formats', () => {
    expect(
      at('${now-1h:yyyyMMdd} ${now-19h:yyyyMMdd} ${today-1M} ${today-1M-1d} ${today+1y:yyMMdd}'),
    ).to.equal('20260331 20260330 2026-02-28 2026-02-27 270331')
    expect(at('${now-90m:yyyy-MM-ddTHH:mm:ss}')).to.equal('2026-03-31T16:34:05')
    expect(at('${today-2w}')).to.equal('2026-03-17')
  })

  it('stand in any text of the params, and leave others alone', () => {
    const params = {
      where: "d < '${today}'",
      pre_sql: ['-- ${yesterday:yyyyMMdd}', '${PASSWORD} ${}'],
      n: 1,
      z: null,
    }
    expect(withDates(params, NOW, null)).to.deep.equal({
      where: "d < '2026-03-31'",
      pre_sql: ['-- 20260330', '${PASSWORD} ${}'],
      n: 1,
      z: null,
    })
    expect(at('$${today} ${todays} ${today-1x}')).to.equal('${today} ${todays} ${today-1x}')
  })

  it('refuse formats and zones that nobody knows', () => {
    expect(() => at('${today:YYYY}')).to.throw('YYYY')
    expect(() => at('${today}', 'Nowhere/City')).to.throw('time_zone')
  })
})
