import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { requestOf } from '../../src/console/alert-channels.js'
import { alertText, type Alert } from '../../src/console/alert-text.js'

const NOW = 1_700_000_000_123
const alert: Alert = {
  event: 'failed',
  taskId: 5,
  runId: 'r1',
  at: '2026-01-02 03:04:05',
  task: 'orders',
  rows: 12_345,
  seconds: 3.21,
  rejected: 0,
  code: 'CONNECTION_LOST',
  reason: 'gone',
  command: 'rowshift resume r1',
}

describe('alerts', () => {
  it('say what happened, what was held back, and how to go on', () => {
    const text = alertText([{ ...alert, event: 'rejected' }, alert, alert], 'en')
    expect(text).to.equal(
      [
        '[rowshift] Task 5 failed: CONNECTION_LOST',
        'orders · 12,345 rows in 3.2 s · 2026-01-02 03:04:05 UTC',
        'Reason: gone',
        'To go on: rowshift resume r1',
        'Not told before: failed × 1, has rejected rows × 1',
      ].join('\n'),
    )
    expect(alertText([alert], 'zh')).to.include('任务 5 失败')
  })

  it('are signed as DingTalk wants it', () => {
    const url = 'https://oapi.dingtalk.com/robot/send?access_token=T'
    const post = requestOf(
      { type: 'dingtalk', url, secret: 'SEC', keyword: 'etl', at_mobiles: ['1'] },
      'text',
      [alert],
      NOW,
    )
    const sign = createHmac('sha256', 'SEC').update(`${NOW}\nSEC`).digest('base64')
    expect(new URL(post.url).searchParams.get('sign')).to.equal(sign)
    expect(new URL(post.url).searchParams.get('timestamp')).to.equal(String(NOW))
    expect(JSON.parse(post.body)).to.deep.equal({
      msgtype: 'text',
      text: { content: 'text\netl @1' },
      at: { atMobiles: ['1'], isAtAll: false },
    })
  })

  it('mention nobody in Feishu whom an error names', () => {
    const text = 'table <at user_id="all"></at> is missing'
    const { body } = requestOf({ type: 'feishu', url: 'https://x/', at_all: true }, text, [alert], NOW)
    const said = (JSON.parse(body) as { content: { text: string } }).content.text
    expect(said).to.equal('table < at user_id="all">< /at> is missing <at user_id="all"></at>')
  })

  it('are signed as Feishu wants it: the text to be signed is the key', () => {
    const post = requestOf({ type: 'feishu', url: 'https://x/', secret: 'SEC' }, 'text', [alert], NOW)
    const body = JSON.parse(post.body) as { timestamp: string; sign: string }
    expect(body.timestamp).to.equal('1700000000')
    expect(body.sign).to.equal(createHmac('sha256', '1700000000\nSEC').update('').digest('base64'))
  })

  it('carry an HMAC of time and body to a webhook', () => {
    const post = requestOf({ type: 'webhook', url: 'https://x/', secret: 'S' }, 'text', [alert], NOW)
    const wanted = createHmac('sha256', 'S').update(`1700000000.${post.body}`).digest('hex')
    expect(post.headers?.['x-rowshift-signature']).to.equal(`sha256=${wanted}`)
  })

  it('cannot put links into Slack', () => {
    const { body } = requestOf({ type: 'slack', url: 'https://x/' }, '<https://evil|x> & y', [alert], NOW)
    expect(JSON.parse(body)).to.deep.equal({ text: '&lt;https://evil|x&gt; &amp; y' })
  })
})
