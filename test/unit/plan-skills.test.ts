// What a plan says where the plugin of an end lacks a skill that the params need: SQLite, with skills taken away.
import { expect } from 'chai'
import { after, describe, it } from 'mocha'
import type { Plugin, ReaderSkills, WriterSkills } from '../../src/contract/plugin.js'
import { planCopy } from '../../src/engine/job.js'
import type { TableAt } from '../../src/engine/endpoints.js'
import { requested } from './planning.js'
import { failure, Fixture } from './sqlite-fixture.js'

const fixture = new Fixture()
after(() => fixture.remove())

const TABLE = '(id INTEGER PRIMARY KEY, gone INTEGER, v TEXT, at DATETIME)'
const path = fixture.create(`CREATE TABLE s ${TABLE}; CREATE TABLE t ${TABLE}; CREATE TABLE s_0 ${TABLE}`)

type Skill = keyof ReaderSkills | keyof WriterSkills

function without(plugin: Plugin, skill: Skill | 'all'): Plugin {
  const less = <End extends object>(end: End): End => {
    const { [skill]: _, ...others } = (end as { skills: Record<string, unknown> }).skills
    return Object.assign(end, { skills: skill === 'all' ? undefined : others })
  }
  return {
    ...plugin,
    createReader: (at) => less(plugin.createReader!(at)),
    createWriter: (at) => less(plugin.createWriter!(at)),
  }
}

async function refusal(skill: Skill | 'all', params: object, from = 's', to = 't') {
  const request = await requested(`${path}?table=${from}`, `${path}?table=${to}`, params)
  const end = (at: TableAt): TableAt => ({
    ...at,
    loaded: { ...at.loaded, plugin: without(at.loaded.plugin, skill) },
  })
  return failure(planCopy({ ...request, from: end(request.from), to: end(request.to) }))
}

const increment = { mode: 'increment', diff_column: 'at' }
const lookup = { to: 'v', lookup: { in: 'source', table: 't', key: 'id', value: 'v' }, from: 'id' }

const CASES: readonly (readonly [Skill, object, words: string, from?: string, to?: string])[] = [
  ['checkWhere', { where: 'id > 1' }, 'params.where'],
  ['derive', { columns: ['id', { to: 'v', value: 'x' }] }, 'columns'],
  ['tables', {}, 'cannot list tables', 's_*'],
  ['find', { columns: ['id', lookup] }, 'be looked up'],
  ['incrementalRange', increment, 'increment'],
  ['snapshot', { consistency: 'snapshot' }, 'params.consistency'],
  ['planCreateTable', { schema_save_mode: 'create_when_not_exist' }, 'cannot create tables', 's', 'new'],
  ['deletes', { ...increment, deletes: { source_flag: 'gone' } }, 'deletes no rows'],
  ['sequences', { columns: ['*', { to: 'id', id: 'sequence' }] }, 'sequence'],
]

describe('a plan without a skill', () => {
  for (const [skill, params, words, from, to] of CASES) {
    it(`of ${skill} refuses what needs it`, async () => {
      const { code, message } = await refusal(skill, params, from, to)
      expect(code, message).to.equal('PARAMS_INVALID')
      expect(message).to.include(words)
    })
  }

  it('is told that an end has none only where it says so', async () => {
    const { code, message } = await refusal('all', {})
    expect(code).to.equal('PLUGIN_UNKNOWN')
    expect(message).to.include('lacks "skills"')
  })
})
