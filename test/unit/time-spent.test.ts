// Where the time of a run went: how it is added up, and what is said of it.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Phase, PhaseTime, TimeSpent } from '../../src/contract/time-spent.js'
import { addTimes, byPhase, noTime } from '../../src/contract/time-spent.js'
import { bottleneckOf, timeSentence } from '../../src/engine/time-sentence.js'
import { BatchQueue } from '../../workers/batch-queue.js'
import { SplitTimes, ThreadLanes } from '../../workers/thread-lanes.js'

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function spent(
  times: Partial<Record<Phase, readonly [seconds: number, alone: number]>>,
  computing: number | null = 1,
): TimeSpent {
  const of = (phase: Phase): PhaseTime => {
    const [seconds, alone] = times[phase] ?? [0, 0]
    return { seconds, alone }
  }
  return { inHand: 10, computing, phases: byPhase(of) }
}

const facts = (timeSpent: TimeSpent, seconds = 5) => ({ seconds, threads: 2, timeSpent })

describe('the lanes of a thread', () => {
  it('know what goes on side by side and what alone', async () => {
    const lanes = new ThreadLanes()
    const [times, others] = [new SplitTimes(), new SplitTimes()]
    await lanes.reads.spending(times, 'reading', () => pause(20))
    const writing = lanes.writes.spending(others, 'writing', async () => {
      await pause(20)
      lanes.writes.enter('committing')
      await pause(20)
    })
    await lanes.reads.spending(times, 'reading', () => pause(5))
    await writing
    const read = times.take()
    expect(read.reading.alone).to.be.within(0.015, read.reading.seconds - 0.003)
    const written = others.take()
    expect(written.committing.seconds).to.be.above(0.015).and.equal(written.committing.alone)
    expect(written.writing.alone).to.be.within(0, written.writing.seconds - 0.003)
    expect(others.take().writing).to.deep.equal({ seconds: 0, alone: 0 })
  })

  it('count nothing while one waits for the other', async () => {
    const lanes = new ThreadLanes()
    const times = new SplitTimes()
    const queue = new BatchQueue(10, lanes)
    const reading = lanes.reads.spending(times, 'reading', async () => {
      await queue.put({ bytes: Buffer.alloc(10), rows: 1 })
      queue.end()
    })
    await pause(20)
    await lanes.writes.spending(times, 'writing', async () => {
      for await (const _ of queue) await pause(20)
    })
    await reading
    const { reading: read, writing } = times.take()
    expect(writing.alone).to.be.above(0.015)
    expect(read.seconds).to.be.below(writing.seconds)
  })
})

describe('where the time went', () => {
  it('is added up over threads and tables', () => {
    const sum = addTimes(spent({ reading: [3, 1] }), spent({ reading: [4, 2], committing: [1, 1] }))
    expect(sum).to.deep.include({ inHand: 20, computing: 2 })
    expect(sum.phases.reading).to.deep.equal({ seconds: 7, alone: 3 })
    expect(addTimes(noTime, spent({}, null)).computing).to.equal(null)
  })

  it('tells what is the limit', () => {
    const limits = {
      source: spent({ reading: [9, 6], writing: [4, 1] }),
      target: spent({ reading: [3, 0.5], writing: [7, 4], committing: [2, 2] }),
      none: spent({ reading: [6, 3], writing: [6, 3] }),
      transform: spent({ reading: [2, 1], transforming: [7, 5], writing: [3, 1] }, 9),
      server: spent({ inServer: [9, 9], committing: [1, 1] }),
      threads: spent({ reading: [7, 4], writing: [6, 1] }, 9),
    }
    for (const [limit, time] of Object.entries(limits)) expect(bottleneckOf(facts(time))).to.equal(limit)
    expect(bottleneckOf(facts(limits.source, 100))).to.equal('else')
    expect(bottleneckOf(facts(noTime))).to.equal(null)
    // Of a database inside the thread, nobody can tell what the thread itself computes.
    expect(bottleneckOf(facts(spent({ reading: [1, 1], writing: [8, 8] }, null)))).to.equal('target')
  })

  it('is said in one sentence of each language', () => {
    const time = facts(spent({ reading: [3, 0.5], writing: [7, 4], committing: [2, 2] }), 6)
    expect(timeSentence(time, 'en')).to.equal(
      'The target is the limit: of the time of 2 threads, 30 % reading, 70 % writing, 20 % waiting for commits; ' +
        'reading and writing go on side by side, and 5 % was nothing but reading, 60 % nothing but writing and commits; ' +
        'the threads themselves computed for 10 %; 17 % of the run went into connecting, planning, and waiting for work or a limit of speed.',
    )
    expect(timeSentence(time, 'zh')).to.equal(
      '瓶颈在目标端：2 个线程的时间里，读取占 30 %，写入占 70 %，等待提交占 20 %；读取与写入同时进行，其中仅读取占 5 %，仅写入或提交占 60 %；' +
        '线程自身计算占 10 %；运行时间的 17 % 用于连接、计划以及等待工作或限速。',
    )
    const inServer = facts(spent({ inServer: [9, 9], committing: [1, 1] }, null))
    expect(timeSentence(inServer, 'en'))
      .to.include('reading and writing cannot be told apart')
      .and.include('its work cannot be told from theirs')
      .and.not.include('side by side')
  })
})
