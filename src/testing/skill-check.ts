import assert from 'node:assert/strict'
import type { ReaderSkills, WriterSkills } from '../contract/skills.js'

/** By skill, the methods that go together; null: it is a method itself. */
type Methods<Skills> = Readonly<Record<keyof Skills, readonly string[] | null>>

export const readerSkills: Methods<ReaderSkills> = {
  load: null,
  tables: null,
  seesAllTables: null,
  describeAll: null,
  checkWhere: null,
  foreignKeys: ['list'],
  objects: ['list', 'ddl'],
  ddl: ['sourceDdl', 'wideColumns'],
  derive: null,
  findLoss: null,
  check: null,
  find: null,
  outline: null,
  splitAfter: null,
  state: null,
  incrementalRange: null,
  marks: ['sample', 'holdsBelow'],
  digest: ['formats', 'ofSplit', 'ofRows'],
  snapshot: ['begin', 'join'],
  inServer: ['showSign'],
}

export const writerSkills: Methods<WriterSkills> = {
  load: null,
  tables: null,
  describeAll: null,
  highest: null,
  charsetCoverage: null,
  planCreateTable: null,
  dropTable: null,
  forget: null,
  settle: null,
  foreignKeys: ['list', 'translate', 'statement', 'unchecked', 'orphans', 'add', 'drop'],
  objects: ['list', 'create'],
  deletes: ['remove', 'flag'],
  sequences: ['open', 'take'],
  inServer: ['plan', 'copy'],
  indexes: ['secondary', 'deferred', 'defer', 'missing', 'add', 'forget'],
  checkpoints: ['list', 'begin', 'claim', 'fence', 'forget', 'update', 'end', 'countRows'],
}

/** Asserts that each skill is one that the engine asks for, and whole. */
export function assertSkills<Skills extends object>(skills: Skills, known: Methods<Skills>): void {
  assert.equal(typeof skills, 'object', '"skills" is an object; {} for none')
  for (const [name, skill] of Object.entries(skills) as [string, unknown][]) {
    if (skill === undefined) continue
    assert.ok(Object.hasOwn(known, name), `there is no skill "${name}"`)
    const methods = known[name as keyof Skills]
    if (methods === null) assert.equal(typeof skill, 'function', `the skill "${name}" is a method`)
    for (const method of methods ?? []) {
      const there: unknown = (skill as Record<string, unknown>)[method]
      assert.equal(typeof there, 'function', `the skill "${name}" has the method "${method}"`)
    }
  }
}
