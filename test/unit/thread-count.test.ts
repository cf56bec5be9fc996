// How many threads a run has: what the plan begins with, and how the number follows what is measured.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { TableSchema } from '../../src/contract/plugin.js'
import { ThreadCount } from '../../src/engine/thread-count.js'
import { chooseThreads } from '../../src/plan/threads.js'
import { readParams } from '../../src/task/params.js'

/** A run on a clock of its own: `rate` is what so many threads write per second. */
class Run {
  readonly threads: ThreadCount
  readonly numbers: number[] = []
  #at = 5_000
  #rows = 0

  constructor(first: number, most: number) {
    this.threads = new ThreadCount({ first, most })
    this.numbers.push(first)
  }

  /** Ten looks a second, as threads report; each number of threads is noted as it comes. */
  for(seconds: number, rate: (threads: number) => number): this {
    for (let look = 0; look < seconds * 10; look++) {
      this.#at += 100
      this.#rows += rate(this.threads.now) / 10
      this.#note(this.threads.look(this.#rows, this.#at))
    }
    return this
  }

  refused(): this {
    this.#note(this.threads.refused(this.#at))
    return this
  }

  limited(threads: number): this {
    this.#note(this.threads.limit(threads, this.#at))
    return this
  }

  repeated(rows: number): this {
    this.#rows -= rows
    return this
  }

  #note(changed: boolean): void {
    const before = this.numbers.at(-1)
    expect(changed, 'a change is said').to.equal(before !== this.threads.now)
    if (changed) this.numbers.push(this.threads.now)
  }
}

/** As if each thread wrote 10,000 rows per second, up to what the server can do. */
const upTo = (most: number) => (threads: number) => Math.min(threads, most) * 10_000

describe('threads of a run', () => {
  it('are as many as worker_num says, whatever happens', () => {
    const run = new Run(3, 3).for(60, upTo(8)).refused().limited(1).for(60, upTo(1))
    expect(run.numbers).to.deep.equal([3])
    expect(run.threads.reason).to.equal(null)
  })

  it('become more while each makes it faster', () => {
    const run = new Run(2, 8).for(60, upTo(5))
    expect(run.numbers.slice(0, 6)).to.deep.equal([2, 3, 4, 5, 6, 5])
    expect(run.threads.now).to.equal(5)
    expect(run.threads.reason).to.match(
      /^began with 2 threads and ended with 5: 2 wrote 20000 rows\/s, .*6 wrote 50000 rows\/s$/,
    )
  })

  it('stay within the limit', () => {
    expect(new Run(2, 4).for(60, upTo(8)).numbers).to.deep.equal([2, 3, 4])
  })

  it('are tried ever more seldom where another one does not help', () => {
    const run = new Run(2, 8)
    run.for(600, upTo(2))
    const trials = run.numbers.filter((threads) => threads === 3).length
    expect(trials).to.be.within(4, 6)
    expect(new Set(run.numbers)).to.deep.equal(new Set([2, 3]))
    expect(run.threads.now).to.equal(2)
  })

  it('follow a server that can do more later', () => {
    const run = new Run(2, 8).for(10, upTo(2)).for(120, upTo(4))
    expect(run.threads.now).to.equal(4)
  })

  it('do not follow chance: rates that differ by a few percent', () => {
    let step = 0
    const noisy = (threads: number) => upTo(2)(threads) * (1 + 0.04 * Math.sin(step++))
    const run = new Run(2, 8).for(300, noisy)
    expect(Math.max(...run.numbers)).to.equal(3)
    expect(run.threads.now).to.equal(2)
  })

  it('are not judged by the first rows, nor before there are any', () => {
    const run = new Run(2, 8).for(30, () => 0)
    expect(run.numbers).to.deep.equal([2])
    run.for(0.9, upTo(8))
    expect(run.numbers).to.deep.equal([2])
  })

  it('are not judged while a split is copied again', () => {
    const run = new Run(2, 8).for(2, upTo(8)).repeated(5_000)
    expect(run.for(1.2, upTo(8)).numbers, 'the window began anew').to.deep.equal([2])
    expect(run.for(60, upTo(8)).threads.now).to.equal(8)
  })

  it('become fewer when a server refuses work, by one for each burst, and more again much later', () => {
    const run = new Run(4, 8).for(1, upTo(3)).refused().refused().refused()
    expect(run.numbers).to.deep.equal([4, 3])
    run.for(10, upTo(8))
    expect(run.numbers, 'no trial so soon').to.deep.equal([4, 3])
    run.refused().for(10, upTo(8)).refused().for(10, upTo(8)).refused()
    expect(run.numbers, 'one at least').to.deep.equal([4, 3, 2, 1])
    run.for(600, upTo(2))
    expect(run.threads.now).to.equal(2)
    expect(run.threads.reason).to.include('refused work 4 times')
  })

  it('never exceed what a server has connections for', () => {
    const run = new Run(2, 8).for(3, upTo(8))
    expect(run.threads.now).to.equal(3)
    run.limited(2)
    expect(run.for(600, upTo(8)).numbers).to.deep.equal([2, 3, 2])
    expect(run.limited(0).threads.now, 'one at least').to.equal(1)
  })
})

describe('a plan of threads', () => {
  const choose = (params: object, databases = 1, cores = 2, estimatedRowBytes = 100) =>
    chooseThreads(readParams(params), { databases, source: { estimatedRowBytes } as TableSchema }, cores)

  it('is what worker_num says', () => {
    expect(choose({ worker_num: 3 })).to.deep.equal({ first: 3, most: 3, reason: null, reasonHere: null })
  })

  it('begins with as many as there are cores, within bounds', () => {
    const first = [1, 2, 3, 4, 64].map((cores) => choose({}, 1, cores).first)
    expect(first).to.deep.equal([2, 2, 3, 4, 4])
    expect(choose({})).to.include({ most: 8 })
    expect(choose({}).reason).to.include('2 cores')
  })

  it('stays small where rows are large', () => {
    expect(choose({}, 1, 2, 2 << 20)).to.include({ first: 2, most: 4 })
  })

  it('opens no more connections than before to several databases', () => {
    expect(choose({}, 16)).to.include({ first: 2, most: 4 })
  })

  it('is fixed where it cannot change on the way: in a snapshot, and with workers of the user', () => {
    expect(choose({ consistency: 'snapshot' })).to.include({ first: 4, most: 4 })
    const id = (worker: object) => ({ columns: ['*', { to: 'id', id: { type: 'snowflake', ...worker } }] })
    expect(choose(id({ worker: 8 }))).to.include({ first: 4, most: 4 })
    expect(choose(id({}))).to.include({ first: 2, most: 8 })
  })
})
