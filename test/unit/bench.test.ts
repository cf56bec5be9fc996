// What a bench tries, what it recommends, how it shows that, and which tables it takes for those of dead benches.
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { resultSvg, resultText } from '../../src/cli/bench-view.js'
import type { Cell, Setting } from '../../src/features/bench/grid.js'
import { AUTOMATIC, firstCells, paramsOf, recommended, sizeCells } from '../../src/features/bench/grid.js'
import { isLeftOver, scratchName } from '../../src/features/bench/scratch-table.js'

function cell(rowsPerSecond: number, setting: Partial<Setting> = {}, impossible: string | null = null): Cell {
  return {
    ...AUTOMATIC,
    ...setting,
    rows: rowsPerSecond,
    seconds: 1,
    rowsPerSecond,
    bytesPerSecond: 10 * rowsPerSecond,
    impossible,
  }
}

describe('a bench', () => {
  it('tries ways to write and threads, each with each, but for what is given', () => {
    const all = firstCells(AUTOMATIC, ['load', 'insert'], true)
    expect(all.map(({ writePath, workerNum }) => `${writePath} ${workerNum}`)).to.deep.equal([
      'load 2',
      'insert 2',
      'load 4',
      'insert 4',
      'load 1',
      'insert 1',
      'load 8',
      'insert 8',
    ])
    const given = { writePath: 'insert', workerNum: 3, readBatch: 7 }
    expect(firstCells(given, ['load', 'insert'], true)).to.deep.equal([given])
    expect(firstCells(AUTOMATIC, [], true), 'no ways to choose from').to.have.length(4)
    expect(firstCells(AUTOMATIC, ['load'], false), 'one split, one thread').to.have.length(1)
  })

  it('tries other sizes of splits at the best', () => {
    const best = { writePath: 'load', workerNum: 4, readBatch: null }
    expect(sizeCells(AUTOMATIC, best, 1000, true)).to.deep.equal([
      { ...best, readBatch: 250 },
      { ...best, readBatch: 4000 },
    ])
    expect(sizeCells({ ...AUTOMATIC, readBatch: 5 }, best, 1000, true)).to.deep.equal([])
    expect(sizeCells(AUTOMATIC, best, 1000, false)).to.deep.equal([])
  })

  it('recommends what has the least to set of all that are as good', () => {
    const four = cell(1000, { writePath: 'load', workerNum: 4 })
    const two = cell(970, { writePath: 'load', workerNum: 2 })
    expect(recommended([cell(900), four, two])).to.equal(two)
    const automatic = cell(960)
    expect(recommended([four, two, automatic])).to.equal(automatic)
    expect(recommended([])).to.equal(null)
    expect(paramsOf({ writePath: 'load', workerNum: 2, readBatch: 9 })).to.deep.equal({
      worker_num: 2,
      read_batch: 9,
      write_path: 'load',
    })
  })

  it('shows bars, params, what is not possible and what it had no time for', () => {
    const best = cell(1000, { writePath: 'load', workerNum: 4 })
    const cells = [cell(500), best, cell(0, { writePath: 'bulk', workerNum: 1 }, 'there is none')]
    const left = [{ writePath: 'load', workerNum: 8, readBatch: null }]
    const result = { table: 't', leftOvers: [], cells, fastest: best, recommended: best, left }
    const lines = resultText(result).split('\n')
    expect(lines[0]).to.match(/^automatic {8}█{20} +500 rows\/s, 5.0 kB\/s$/)
    expect(lines[1]).to.match(/^load, 4 threads {2}█{40} {2}1,000 rows\/s, 10.0 kB\/s {2}<- recommended$/)
    expect(lines[2]).to.equal('bulk, 1 thread: not possible here: there is none')
    expect(lines[3]).to.equal('There was no time for load, 8 threads: give more --seconds.')
    expect(lines).to.include('Recommended: load, 4 threads, 2.00 times as fast as without these params.')
    expect(lines).to.include('rowshift copy:     --param worker_num=4 --param write_path=load')
    const picture = resultSvg(result, 'a <b> & \u0007')
    expect(picture).to.include('a &lt;b&gt; &amp; ?')
    expect(picture.split('<rect x=')).to.have.length(3)
  })

  it('takes tables for left that nobody can be using any more', () => {
    const now = Date.now()
    const mine = scratchName(now + 60_000)
    expect(mine)
      .to.match(/^rowshift_bench_[0-9a-f]{8}_\d+_[0-9a-z]+$/)
      .and.to.have.length.below(63)
    expect(isLeftOver(mine), 'this process is alive').to.equal(false)
    const dead = mine.replace(`_${process.pid}_`, '_2147483646_')
    expect(isLeftOver(dead)).to.equal(true)
    const elsewhere = dead.replace(/_[0-9a-f]{8}_/, '_00000000_')
    expect(isLeftOver(elsewhere), 'of another machine').to.equal(false)
    expect(isLeftOver(elsewhere, now + 3_600_000), 'but by then').to.equal(true)
    for (const other of ['rowshift_bench_results', 'rowshift_bench_0_1_2', 's', `${dead}_copy`])
      expect(isLeftOver(other, now + 1e12), other).to.equal(false)
  })
})
