// How plugins of others are named, and what is said of modules that are not plugins.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { Config, connectionFromUrl, fromUrl } from '../../src/config/config.js'
import type { RowshiftError } from '../../src/contract/errors.js'
import { Fixture } from './sqlite-fixture.js'

const PLUGIN = `export default {
  apiVersion: 1,
  capabilities: {},
  label: 'test',
  connectionSchema: { type: 'object', properties: { path: { type: 'string' } }, additionalProperties: false },
  connectionFromUrl: (url, text) => ({ path: url.pathname }),
  describeConnection: ({ path }) => 'test:' + path,
  createReader() {},
}`
const MODULE = '{ "type": "module", "exports": "./index.js" }'

describe('plugins of others', () => {
  const fixture = new Fixture()
  const home = process.cwd()
  before(() => {
    process.chdir(fixture.directory)
    const files = {
      'own.plugin.mjs': PLUGIN,
      'node_modules/@me/rows/package.json': MODULE,
      'node_modules/@me/rows/index.js': PLUGIN,
      'node_modules/some_rows/package.json': MODULE,
      'node_modules/some_rows/index.js': PLUGIN,
      'node_modules/hidden/package.json':
        '{ "type": "module", "exports": { ".": { "import": "./index.js" } } }',
      'node_modules/hidden/index.js': PLUGIN,
      'throws.mjs': 'import "a-driver-that-is-not-there"',
      'other.mjs': 'export default { label: "x", createReader: 7 }',
      'older.mjs': PLUGIN.replace('  apiVersion: 1,\n  capabilities: {},\n', ''),
      'newer.mjs': PLUGIN.replace('apiVersion: 1', 'apiVersion: 2'),
      'capable.mjs': PLUGIN.replace(
        'capabilities: {}',
        "capabilities: { writePath: [], writePaths: ['auto'], writeModes: ['merge'], sql: 'yes' }",
      ),
      'mute.mjs': PLUGIN.replace('  capabilities: {},\n', ''),
      'schema.mjs': PLUGIN.replace("type: 'string'", "type: 'text'"),
      'etc/local.json': JSON.stringify({
        plugins: { rows: '@me/rows' },
        task_meta: { db_type: 'rows', path: 'tasks' },
        from: { rows: { app_files: { path: 'q' } }, './own.plugin.mjs': { 'app_db.x': { path: 'p' } } },
      }),
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(fixture.directory, name)), { recursive: true })
      writeFileSync(name, text)
    }
  })
  after(() => {
    process.chdir(home)
    fixture.remove()
  })

  const refused = async (url: string): Promise<RowshiftError> =>
    fromUrl(url, '--from').then(
      () => expect.fail(`${url} was taken`),
      (thrown: unknown) => thrown as RowshiftError,
    )

  it('are named in a URL by their package or their path', async () => {
    for (const type of [
      './own.plugin.mjs',
      join(fixture.directory, 'own.plugin.mjs'),
      '@me/rows',
      'some_rows',
    ]) {
      const { loaded, connection, table } = await fromUrl(`${type}:dir/a%20b?table=t`, '--from')
      expect(loaded.type).to.equal(type)
      expect(loaded.plugin.label).to.equal('test')
      expect({ connection, table }).to.deep.equal({ connection: { path: 'dir/a%20b' }, table: 't' })
    }
  })

  it('take patterns of databases like others', async () => {
    const { databases } = await fromUrl('./own.plugin.mjs:db_{0..2}?table=t', '--from')
    expect(databases).to.deep.equal(
      [0, 1, 2].map((i) => ({ name: `db_${i}`, connection: { path: `db_${i}` } })),
    )
  })

  it('may be where a lookup is, by URL and by configuration', async () => {
    expect((await connectionFromUrl('@me/rows:p', 'in')).connection).to.deep.equal({ path: 'p' })
    const named = await Config.load('etc', 'local').named('from../own.plugin.mjs.app_db.x')
    expect(named.connection).to.deep.equal({ path: 'p' })
  })

  it('may have short names in the configuration', async () => {
    const config = Config.load('etc', 'local')
    const { loaded, connection } = await config.connection('from', 'rows', 'app', 'files')
    expect([loaded.plugin.label, loaded.type, connection]).to.deep.equal(['test', 'rows', { path: 'q' }])
    expect((await config.named('from.rows.app_files')).connection).to.deep.equal({ path: 'q' })
    expect((await config.taskStore()).loaded.plugin.label).to.equal('test')
  })

  it('that are not there, or are not plugins, are refused with what is wrong', async () => {
    const faults = {
      'hidden:p?table=t': 'exports nothing under the condition "default"; write "exports": "./index.js"',
      './throws.mjs:p?table=t': "Cannot find package 'a-driver-that-is-not-there'",
      './other.mjs:p?table=t': 'lacks "connectionSchema" (object), "connectionFromUrl" (function)',
      './older.mjs:p?table=t':
        'does not say for which version of the plugin contract it is written, and this rowshift supports version 1',
      './newer.mjs:p?table=t':
        'is written for version 2 of the plugin contract, and this rowshift supports version 1',
      './mute.mjs:p?table=t': 'must be an object; {} for the defaults',
      './capable.mjs:p?table=t': `The "capabilities" of the plugin "./capable.mjs" cannot be used:
  unknown capability "writePath"; did you mean "writePaths"?
  writePaths: must be a list of names, none of them empty or "auto"
  writeModes: must be a list of insert, ignore, replace, upsert
  sql: must be true or false`,
      './schema.mjs:p?table=t': 'The "connectionSchema" of the plugin "./schema.mjs" cannot be used',
      './gone.mjs:p?table=t': 'Unknown database type "./gone.mjs"',
      'mysq:p?table=t': 'did you mean "mysql"?',
    }
    for (const [url, words] of Object.entries(faults)) {
      const error = await refused(url)
      expect(error.code, url).to.equal('PLUGIN_UNKNOWN')
      expect(error.message, url).to.include(words)
    }
  })
})

describe('what the guide names for databases that speak SQL', () => {
  it('is exported by the package, and what is exported is there', async () => {
    const bundle = new URL('../../../bundle/src/', import.meta.url)
    const load = async (name: string) => Object.keys((await import(new URL(name, bundle).href)) as object)
    const values = new Set([...(await load('sql.js')), ...(await load('contract/plugin.js'))])
    const text = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
    const types = text('src/sql.ts') + text('src/contract/plugin.ts')
    const guide = text('docs/plugins.md')
    const [page = ''] = /(?<=^## Databases that speak SQL\n)[^]*?(?=^## )/m.exec(guide) ?? []
    const names = [...page.matchAll(/`(?:new )?([A-Za-z]+)(?:\([a-z, ]+\))?`/g)].map(([, name]) => name!)
    const ours = names.filter(
      (name) => !/^(describe|planCreateTable|split|divide|read|derive|write)$/.test(name),
    )
    expect(ours.length).to.be.greaterThan(30)
    const missing = ours.filter((name) => !values.has(name) && !new RegExp(`\\b${name}\\b`).test(types))
    expect(missing).to.deep.equal([])
  })
})
