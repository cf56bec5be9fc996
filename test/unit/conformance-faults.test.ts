// The suites of rowshift/testing find what they are for: each fault here, in a plugin without any, fails the test that is named.
import { AssertionError } from 'node:assert'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import rowFile from '../../plugins/file/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'
import type { Batch, Plugin, Reader, TaskStore, Writer } from '../../src/contract/plugin.js'
import { describeSink, describeSource, describeTaskStore } from '../../src/testing.js'
import { sqliteStore, sqliteSuite } from '../support/conformance-sqlite.js'

const NEVER = new AbortController().signal

/** Some methods are others. */
function changed<T extends object>(object: T, methods: (own: T) => Partial<T>): T {
  const others: Partial<T> = methods(object)
  return new Proxy(object, {
    get: (_, name) => {
      const value = (Object.hasOwn(others, name) ? others : object)[name as keyof T]
      return typeof value === 'function' ? (value.bind(object) as unknown) : value
    },
  })
}

async function* each(
  batches: AsyncIterable<Batch>,
  give: (batch: Batch) => readonly Batch[],
): AsyncGenerator<Batch> {
  for await (const batch of batches) yield* give(batch)
}

/** Ends as if all were well where the rows end with an error. */
async function* untilError(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  try {
    yield* batches
  } catch {
    // That is the fault.
  }
}

function withoutFirstRow({ bytes, rows }: Batch): Batch[] {
  return rows === 1 ? [] : [{ bytes: bytes.subarray(bytes.indexOf('\n') + 1), rows: rows - 1 }]
}

const reading: Readonly<Record<string, readonly [test: string, (own: Reader) => Partial<Reader>]>> = {
  'loses a row': [
    'divides a table into splits',
    (own) => ({ read: (...args) => each(own.read(...args), withoutFirstRow) }),
  ],
  'reads a split twice': [
    'divides a table into splits',
    (own) => ({
      async *split(...args) {
        for await (const split of own.split(...args)) yield* [split, { ...split, index: split.index + 1 }]
      },
    }),
  ],
  'makes empty texts of NULL': [
    'reads each value of kind text',
    (own) => ({
      read: (...args) =>
        each(own.read(...args), ({ bytes, rows }) => [
          { bytes: Buffer.from(bytes.toString('latin1').replaceAll('\t\\N\n', '\t\n'), 'latin1'), rows },
        ]),
    }),
  ],
  'does not hear the signal': [
    'ends a read with INTERRUPTED',
    (own) => ({ read: (spec, split) => own.read(spec, split, NEVER) }),
  ],
  'has half of a skill': [
    'has skills that the engine asks for',
    ({ skills: { marks, ...skills } }) => ({
      skills: {
        ...skills,
        marks: { holdsBelow: (request) => marks!.holdsBelow(request) },
      } as Reader['skills'],
    }),
  ],
  'has a skill of a name that nobody asks for': [
    'has skills that the engine asks for',
    ({ skills }) => ({ skills: { ...skills, derives: async () => [] } as Reader['skills'] }),
  ],
  'takes all tables for one': [
    'describes its tables',
    (own) => ({ describe: async (table) => ({ ...(await own.describe(table)), identity: 'one' }) }),
  ],
  'gives batches of any size': [
    'keeps to the limits of batches',
    (own) => ({
      read: (spec, ...args) => own.read({ ...spec, batch: { bytes: 1 << 19, rows: 1_000 } }, ...args),
    }),
  ],
}

const writing: Readonly<Record<string, readonly [test: string, (own: Writer) => Partial<Writer>]>> = {
  'commits what it has when the rows end with an error': [
    'leaves nothing of a split when the rows end with an error',
    (own) => ({ write: (spec, batches, options) => own.write(spec, untilError(batches), options) }),
  ],
  'commits before the rejected rows are kept': [
    'leaves nothing of a split when the rejected rows cannot be kept',
    (own) => ({
      write: async (spec, batches, options) => {
        const counts = await own.write(spec, batches, { ...options, beforeCommit: () => {} })
        options.beforeCommit()
        return counts
      },
    }),
  ],
  'counts what it has not written': [
    'counts the rows of each split',
    (own) => ({
      write: async (...args) => ({ ...(await own.write(...args)), rowsSkipped: 1 }),
    }),
  ],
  'tolerates any number of rejected rows': [
    'leaves nothing of the split when no more rejected rows are tolerated',
    (own) => ({
      write: (spec, batches, options) => own.write(spec, batches, { ...options, onDirty: () => {} }),
    }),
  ],
  'takes another write path than the one that it was asked for': [
    'writes by insert when that is asked for',
    (own) => ({ plan: async (...args) => ({ ...(await own.plan(...args)), path: 'other' }) }),
  ],
  'does not hear the signal': [
    'leaves nothing of a split when the signal aborts',
    (own) => ({ write: (spec, batches, options) => own.write(spec, batches, { ...options, signal: NEVER }) }),
  ],
  'updates where it should leave alone': [
    'ignore: rows that are equal',
    (own) => ({ write: (spec, ...args) => own.write({ ...spec, writeMode: 'upsert' }, ...args) }),
  ],
}

const storing: Readonly<Record<string, readonly [test: string, (own: TaskStore) => Partial<TaskStore>]>> = {
  'gives everybody the lock': ['gives the lock of a task to one store', () => ({ lock: async () => true })],
  'keeps watermarks as numbers': [
    'remembers watermarks exactly',
    (own) => ({
      watermarks: async (id) =>
        Object.fromEntries(
          Object.entries(await own.watermarks(id)).map(([mode, mark]) => [mode, String(Number(mark))]),
        ),
    }),
  ],
  'gives the history in any order': [
    'keeps the history, newest first',
    (own) => ({ history: async (...args) => [...(await own.history(...args))].reverse() }),
  ],
}

type Test = { readonly name: string; readonly run: () => Promise<void> }

function testsOf(define: (runner: Parameters<typeof describeSource>[2]) => void): Test[] {
  const tests: Test[] = []
  define({ describe: (_, inner) => inner(), it: (name, run) => tests.push({ name, run }) })
  return tests
}

/** The tests whose names begin so: without the fault all hold, with it one does not. */
async function find(title: string, sound: readonly Test[], faulty: readonly Test[]): Promise<void> {
  const named = ({ name }: Test) => name.startsWith(title)
  expect(sound.filter(named), title).not.to.deep.equal([])
  for (const { run } of sound.filter(named)) await run()
  const ends = await Promise.allSettled(faulty.filter(named).map(({ run }) => run()))
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  expect(
    errors.some((error) => error instanceof AssertionError),
    `found: ${String(errors[0])}`,
  ).to.equal(true)
}

describe('the conformance suites find a plugin that', () => {
  const suite = (plugin: Plugin) => ({ ...sqliteSuite, plugin })
  it('has nothing to try', () => {
    // It can only be read from.
    const define = () => testsOf((runner) => describeSink('', suite(rowFile), runner))
    expect(define).to.throw('the plugin has no "createWriter"')
  })

  for (const [fault, [title, methods]] of Object.entries(reading)) {
    it(`${fault}, as a source`, () => {
      const plugin: Plugin = { ...sqlite, createReader: (at) => changed(sqlite.createReader!(at), methods) }
      const tests = (each: Plugin) => testsOf((runner) => describeSource('', suite(each), runner))
      return find(title, tests(sqlite), tests(plugin))
    })
  }
  for (const [fault, [title, methods]] of Object.entries(writing)) {
    it(`${fault}, as a sink`, () => {
      const plugin: Plugin = { ...sqlite, createWriter: (at) => changed(sqlite.createWriter!(at), methods) }
      const tests = (each: Plugin) => testsOf((runner) => describeSink('', suite(each), runner))
      return find(title, tests(sqlite), tests(plugin))
    })
  }
  for (const [fault, [title, methods]] of Object.entries(storing)) {
    it(`${fault}, as a task store`, () => {
      const plugin: Plugin = {
        ...sqlite,
        createTaskStore: (at) => changed(sqlite.createTaskStore!(at), methods),
      }
      const tests = (each: Plugin) =>
        testsOf((runner) => describeTaskStore('', { ...sqliteStore, plugin: each }, runner))
      return find(title, tests(sqlite), tests(plugin))
    })
  }
})
