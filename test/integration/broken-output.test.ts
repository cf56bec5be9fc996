// Output that nobody takes ends no run, and changes no exit code.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { oneServer, query } from '../support/context.js'
import { TestDatabase, scratchFile } from '../support/copying.js'

const program = fileURLToPath(new URL('../../../bundle/src/cli/start.js', import.meta.url))
const TABLES =
  'CREATE TABLE s (id INT PRIMARY KEY); INSERT INTO s VALUES (1), (2), (3); CREATE TABLE t LIKE s'

type Output = 'kept' | 'full' | 'closed'

/** Runs the program with outputs that take nothing; resolves to its exit code and what it said on those that do. */
async function run(args: readonly string[], stdout: Output, stderr: Output) {
  const full = openSync('/dev/full', 'w')
  const to = (output: Output) => (output === 'full' ? full : 'pipe')
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', to(stdout), to(stderr)] })
  if (stdout === 'closed') child.stdout!.destroy()
  if (stderr === 'closed') child.stderr!.destroy()
  const said = async (output: Output, stream: Readable | null) => (output === 'kept' ? text(stream!) : '')
  const [[code], out, error] = await Promise.all([
    once(child, 'exit') as Promise<[number | null]>,
    said(stdout, child.stdout),
    said(stderr, child.stderr),
  ])
  return { code, stdout: out, stderr: error }
}

describe('output that is full or closed', () => {
  for (const [stdout, stderr] of [
    ['full', 'kept'],
    ['closed', 'kept'],
    ['kept', 'full'],
    ['kept', 'closed'],
    ['full', 'full'],
    ['closed', 'closed'],
  ] as const) {
    it(`(stdout ${stdout}, stderr ${stderr}) neither ends a run nor changes its exit code`, async () => {
      for (const server of oneServer()) {
        const db = await TestDatabase.create(server, TABLES)
        const endpoints = ['--from', db.url('s'), '--to', db.url('t'), '--log-level', 'debug']
        const copied = await run(['copy', ...endpoints, '--json'], stdout, stderr)
        expect(copied.code, copied.stderr).to.equal(0)
        expect(await db.value('SELECT COUNT(*) FROM t')).to.equal('3')
        if (stdout === 'kept') expect(JSON.parse(copied.stdout)).to.include({ rowsWritten: 3 })
        if (stdout === 'full') {
          const warned = copied.stderr.match(/cannot be written \(ENOSPC\)/g) ?? []
          expect(warned.length).to.equal(stderr === 'kept' ? 1 : 0)
        }
        // The keys are there already.
        const failed = await run(['copy', ...endpoints], stdout, stderr)
        expect(failed.code, failed.stderr).to.equal(1)
        expect((await run(['verify', ...endpoints], stdout, stderr)).code).to.equal(0)
        expect((await run(['nonsense'], stdout, stderr)).code).to.equal(2)
        expect(copied.stderr + failed.stderr).not.to.match(/^\s+at .*:\d+/m)
      }
    })
  }
})

describe('a terminal that is closed', () => {
  it('interrupts the run, which ends as after Ctrl-C', async () => {
    for (const server of oneServer()) {
      const db = await TestDatabase.create(server, TABLES)
      const ended = scratchFile('code')
      const report = scratchFile('json')
      const params = JSON.stringify({ pre_sql: ['DO SLEEP(60)'] })
      const args = [
        'copy',
        '--from',
        db.url('s'),
        '--to',
        db.url('t'),
        '--params',
        params,
        '--report',
        report,
      ]
      const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ')
      const file = scratchFile('sh')
      // Only the shell hears of the end of its terminal. The first wait ends with the signal.
      writeFileSync(
        file,
        [
          `${command} & pid=$!`,
          'trap "kill -HUP $pid" HUP',
          'wait $pid; wait $pid',
          `echo $? > ${ended}.new && mv ${ended}.new ${ended}`,
        ].join('\n'),
      )
      const terminal = spawn('script', ['-qec', `sh ${file}`, '/dev/null'], {
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      const sleeping = `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '${db.database}' AND INFO = 'DO SLEEP(60)'`
      for (let i = 0; i < 300 && (await query(server, sleeping))[0]![0] === '0'; i++) await sleep(100)
      terminal.kill('SIGKILL')
      for (let i = 0; i < 50 && !existsSync(ended); i++) await sleep(100)
      expect(readFileSync(ended, 'utf8')).to.equal('130\n')
      expect(JSON.parse(readFileSync(report, 'utf8'))).to.include({ status: 'interrupted' })
    }
  })
})
