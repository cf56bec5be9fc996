import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Reader } from '../../src/contract/plugin.js'
import { nothingWritten } from '../../src/contract/plugin.js'
import type { SourceSpec, SourceSplit } from '../../src/contract/source-spec.js'
import type { DoneRange, LeftSplit, SplitPath } from '../../src/features/resume/done-ranges.js'
import { groupOf, mergeDone, splitsLeft } from '../../src/features/resume/done-ranges.js'
import { divideRange, splitAfter, splitByKey, type KeyProbe } from '../../src/sql/splits.js'

/** In the database's order, which is not that of JavaScript. */
const KEYS = ['a', 'B', 'c', 'D', 'e', 'F', 'g', 'H', 'i', 'J', 'k', 'L', 'm', 'N']
const at = (key: readonly string[] | null) => (key === null ? -1 : KEYS.indexOf(key[0]!))

const probe: KeyProbe = {
  first: async () => [KEYS[0]!],
  last: async () => [KEYS.at(-1)!],
  nth: async (lower, upper, offset) => {
    const found = at(lower) + 1 + offset
    return found > at(upper) ? null : { key: [KEYS[found]!], within: true }
  },
}
const reader = {
  skills: {
    splitAfter: (spec: SourceSpec, after: readonly string[] | null, size: () => number) =>
      splitAfter(spec, after, probe, size),
  },
  split: (spec: SourceSpec, size: () => number) => splitByKey(spec, probe, size),
  divide: (spec: SourceSpec, range: SourceSplit, size: () => number) => divideRange(spec, range, probe, size),
} as unknown as Reader

function specOf(tables: number | null, nullable: boolean): SourceSpec {
  const key = { name: 'k', columns: [{ kind: 'text' }], nullable }
  const table = { table: 't', estimatedRows: null }
  const sources =
    tables && Array.from({ length: tables }, () => ({ endpoint: 0, table: 't', keys: [], key, window: null }))
  return { table, key, splitRows: 3, where: null, window: null, sources } as unknown as SourceSpec
}

/** The rows of a split: a key of each, with the table. */
function rowsOf({ table = 0, lower, upper, nullKey }: DoneRange): string[] {
  if (nullKey) return [`${table} NULL`]
  return KEYS.slice(at(lower) + 1, at(upper) + 1).map((key) => `${table} ${key}`)
}

function keyOf({ table, lower, upper, nullKey }: DoneRange): string {
  return JSON.stringify([table, lower, upper, nullKey])
}

function random(seed: number): () => number {
  let state = seed
  return () => (state = (state * 16807) % 2147483647) / 2147483647
}

async function all(spec: SourceSpec, size: () => number) {
  const splits: { split: SourceSplit; path: SplitPath }[] = []
  const { sources } = spec
  for (let table = 0; table < (sources?.length ?? 1); table++)
    for await (const one of reader.split(spec, size, new AbortController().signal)) {
      const split = sources ? { ...one, table } : one
      splits.push({ split, path: [groupOf(spec, split), splits.length] })
    }
  return splits
}

describe('splits after a known key', () => {
  it('are none when the last rows were deleted meanwhile', async () => {
    const after = async (key: string) => {
      const uppers: (readonly string[] | null)[] = []
      const shorter: KeyProbe = { ...probe, last: async () => ['J'] }
      for await (const { upper } of splitAfter(specOf(null, false), [key], shorter, () => 3))
        uppers.push(upper)
      return uppers
    }
    expect(await after('L')).to.deep.equal([])
    expect(await after('J')).to.deep.equal([])
    expect(await after('i')).to.deep.equal([['J']])
  })
})

describe('ranges that are left of a run', () => {
  it('hold each row once that is not in a range that is done, attempt after attempt', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const next = random(seed)
      const size = () => 1 + Math.floor(next() * 4)
      const spec = specOf(seed % 3 === 0 ? 3 : null, seed % 2 === 0)
      const expected = (await all(spec, () => 100)).flatMap(({ split }) => rowsOf(split)).sort()
      let done: readonly DoneRange[] = []
      const stored: string[] = []
      let left: LeftSplit[] = await all(spec, size)
      for (let attempt = 0; left.length > 0; attempt++) {
        expect(attempt, 'attempts').to.be.lessThan(60)
        const whole = [...stored, ...left.flatMap(({ split }) => rowsOf(split))].sort()
        expect(whole, `seed ${seed}, attempt ${attempt}`).to.deep.equal(expected)
        // In whatever order they end; some are divided, of which some parts end.
        const ended = left.flatMap(
          ({ split, path, parts: before }): { path: SplitPath; range: DoneRange }[] => {
            if (next() < 0.5) return []
            const rows = rowsOf(split)
            // Some are stored in one of several shards.
            if (next() < 0.2)
              return [{ path, range: { ...split, parts: { [`s${attempt}`]: nothingWritten } } }]
            if (before || split.nullKey || rows.length < 2 || next() < 0.7) return [{ path, range: split }]
            const middle = [KEYS[at(split.lower) + 1]!]
            const parts = [
              { path: [...path, 0], range: { ...split, upper: middle } },
              { path: [...path, 1], range: { ...split, lower: middle } },
            ]
            return parts.filter(() => next() < 0.5)
          },
        )
        ended.sort(() => next() - 0.5)
        stored.push(...ended.flatMap(({ range }) => (range.parts ? [] : rowsOf(range))))
        const begun = new Map(left.map(({ split, parts }) => [keyOf(split), { ...parts }]))
        for (const { range } of ended) Object.assign(begun.get(keyOf(range)) ?? {}, range.parts)
        done = JSON.parse(JSON.stringify(mergeDone(spec, done, ended))) as DoneRange[]
        left = []
        const found = splitsLeft({ readers: [reader], read: spec }, done, size, {
          retry: { attempts: 0, maxWait: 0 },
          signal: new AbortController().signal,
          onRetry: () => {},
        })
        for await (const one of found) left.push(one)
        for (const { split, parts } of left) if (parts) expect(parts).to.deep.equal(begun.get(keyOf(split)))
        const inPart = left.filter(({ parts }) => parts !== undefined)
        expect(inPart.length).to.equal(done.filter(({ parts }) => parts !== undefined).length)
      }
      expect(stored.sort(), `seed ${seed}`).to.deep.equal(expected)
      const groups = (spec.sources?.length ?? 1) * (spec.key!.nullable ? 2 : 1)
      expect(done, 'neighbours are one range').to.have.length(groups)
    }
  })

  it('are not divided in a table without a key among several', async () => {
    const spec = specOf(2, false)
    const { sources } = spec
    const read = { ...spec, sources: [sources![0]!, { ...sources![1]!, key: null }] }
    const left: SourceSplit[] = []
    const found = splitsLeft({ readers: [reader], read }, [], () => 100, {
      retry: { attempts: 0, maxWait: 0 },
      signal: new AbortController().signal,
      onRetry: () => {},
    })
    for await (const { split } of found) left.push(split)
    expect(left.map(({ table, indivisible }) => [table, indivisible])).to.deep.equal([
      [0, undefined],
      [1, true],
    ])
  })
})
