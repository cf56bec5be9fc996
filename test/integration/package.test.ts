// What users get from the registry: packed, installed globally as they would, and used from outside of this repository.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { scratch } from '../support/copying.js'
import { needProgram } from '../support/machine.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const prefix = join(scratch, 'global')
const project = join(scratch, 'user')
const installed = join(prefix, 'lib/node_modules/rowshift')
const program = join(prefix, 'bin/rowshift')
const MEGABYTE = 1024 ** 2

function run(command: string, args: readonly string[], cwd = project) {
  // The PATH names the Node.js of the machine; what users install runs with this one.
  const node = join(process.execPath, '..')
  const env = { ...process.env, PATH: `${node}:${join(prefix, 'bin')}:${process.env['PATH']}` }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  return { status, stdout, output: `${stdout}${stderr}` }
}

function succeed(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, output } = run(command, args, cwd)
  expect(status, output).to.equal(0)
  return stdout
}

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text)
}

describe('the package', () => {
  let tarball: string
  before(function () {
    this.timeout(300_000)
    mkdirSync(project)
    const [packed] = JSON.parse(succeed('npm', ['pack', '--json', '--pack-destination', scratch], root)) as [
      { filename: string },
    ]
    tarball = join(scratch, packed.filename)
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund']
    succeed('npm', ['install', '--global', '--prefix', prefix, ...flags, tarball])
  })

  it('has at most 2 MB, and nothing that nobody needs', () => {
    expect(statSync(tarball).size).to.be.below(2 * MEGABYTE)
    const names = succeed('tar', ['-tzf', tarball]).split('\n')
    const odd = names.filter((name) =>
      /\.map$|dist\/src\/cli|^package\/(test|bench|scripts|examples)\/|\.tsv/.test(name),
    )
    expect(odd).to.deep.equal([])
    for (const name of ['bundle/LICENSES.txt', 'bundle/rowshift.1', 'LICENSE', 'etc/params.schema.json'])
      expect(names).to.include(`package/${name}`)
    // All that is installed with it: rowshift itself, ajv and pino, and what these need.
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies: object
    }
    expect(Object.keys(dependencies)).to.deep.equal(['ajv', 'pino'])
  })

  it('gives a command that says its version, and a manual page', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    expect(succeed(program, ['--version'])).to.equal(`${version}\n`)
    expect(existsSync(join(prefix, 'share/man/man1/rowshift.1'))).to.equal(true)
    const page = readFileSync(join(installed, 'bundle/rowshift.1'), 'utf8')
    for (const text of ['.SS rowshift copy', '.B \\-\\-dry\\-run', '.B rowshift run \\-\\-all'])
      expect(page).to.include(text)
  })

  it('has bash, zsh and fish complete commands and options', () => {
    for (const shell of ['zsh', 'fish']) needProgram(shell, shell)
    // What a shell would show, without a terminal: zsh hands the words to _describe.
    const scripts = {
      bash: (line: string) =>
        `source <(rowshift completion bash); COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
         _rowshift; printf '%s\\n' "\${COMPREPLY[@]}"`,
      zsh: (line: string) =>
        `compdef() { :; }; source <(rowshift completion zsh); _describe() { print -l -- \${(P)2}; }; _default() { :; }
         words=(${line}); CURRENT=$#words; _rowshift`,
      fish: (line: string) => `rowshift completion fish | source; complete --do-complete '${line}'`,
    }
    for (const [shell, script] of Object.entries(scripts)) {
      const completed = (line: string) => {
        const bare = { zsh: ['-f'], fish: ['--no-config'], bash: ['--norc'] }[shell]!
        return succeed(shell, [...bare, '-c', script(line)])
          .split('\n')
          .map((found) => found.split(/[:\t]/)[0])
      }
      expect(completed('rowshift thr'), shell).to.include('throttle')
      expect(completed('rowshift copy --dry'), shell).to.include('--dry-run')
    }
  })

  it('copies and verifies with a plugin in a file, which imports rowshift/plugin with nothing beside it', () => {
    cpSync(join(root, 'test/plugins/csv-folder'), join(project, 'csv'), { recursive: true })
    mkdirSync(join(project, 'in'))
    write('in/t.csv', 'id,v\r\n1,a\r\n2,"b ""c"" d"\r\n')
    const endpoints = ['--from', './csv/index.js:in?table=t', '--to', './csv/index.js:out?table=t']
    succeed(program, ['copy', ...endpoints, '--create', '--param', 'worker_num=2'])
    expect(readFileSync(join(project, 'out/t.csv'), 'utf8')).to.equal(
      readFileSync(join(project, 'in/t.csv'), 'utf8'),
    )
  })

  it('says what to install where the driver of a database is missing', () => {
    const url = 'postgres://127.0.0.1:1/x?table=t'
    const { status, output } = run(program, ['copy', '--from', url, '--to', url.replace('x', 'y')])
    expect(output).to.include('npm install pg@8 (with --global if rowshift is installed so)')
    expect(status).to.equal(2)
  })

  it('takes a transform in TypeScript', () => {
    const db = (sql: string) =>
      succeed(process.execPath, [
        '-e',
        `new (require('node:sqlite').DatabaseSync)('ts.db').exec(${JSON.stringify(sql)})`,
      ])
    db(
      'CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE t AS SELECT * FROM s; INSERT INTO s VALUES (1, 2)',
    )
    write(
      'upper.ts',
      `import type { Transform } from 'rowshift/transform'
const transform: Transform<{ v: string }> = (row) => ({ ...row, v: row.v + '!' })
export default transform`,
    )
    const args = ['--from', 'sqlite:ts.db?table=s', '--to', 'sqlite:ts.db?table=t']
    succeed(program, ['copy', ...args, '--param', 'transform=./upper.ts'])
    succeed(program, ['copy', ...args, '--create', '--dry-run'])
    write('enum.ts', 'enum Kind { A }\nexport default (row: object) => ({ ...row, kind: Kind.A })')
    const { status, output } = run(program, ['copy', ...args, '--param', 'transform=./enum.ts'])
    expect(output).to.include('must be compiled to JavaScript first')
    expect(status).to.equal(2)
  })

  it('is used by a program as docs/api.md shows, whose types are checked', () => {
    mkdirSync(join(project, 'node_modules'), { recursive: true })
    symlinkSync(installed, join(project, 'node_modules/rowshift'), 'dir')
    const [, text] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'docs/api.md'), 'utf8'))!
    write('package.json', '{ "type": "module" }')
    write('api.ts', text!)
    write(
      'own.ts',
      `import { BatchBuilder, type Plugin, RowshiftError } from 'rowshift/plugin'
import { SqlReader } from 'rowshift/sql'
import { describeSource, type SourceSuite } from 'rowshift/testing'
import type { Transform } from 'rowshift/transform'
import { type CopyRequest, type RunReport, type VerifyReport, planCopy, RowshiftError as Same } from 'rowshift'
declare const plugin: Plugin
const suite: SourceSuite = { plugin, kinds: ['text'], make: async (table) => ({ path: table.name }) }
const transform: Transform<{ id: bigint }> = (row) => ({ ...row, id: row.id + 1n })
export const same: typeof RowshiftError = Same
// @ts-expect-error: a request has more than that.
export const request: CopyRequest = { runId: '' }
export const uses = [BatchBuilder, SqlReader, planCopy, transform, () => describeSource('own', suite)]
export type Uses = [RunReport, VerifyReport]
`,
    )
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noImplicitAny: false,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      // Also the declarations of rowshift itself.
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    }
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['api.ts', 'own.ts'] }))
    succeed(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project])
    const database = `const d = new (require('node:sqlite').DatabaseSync)('shop.db')
      d.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO orders VALUES (1, 2), (2, NULL)')`
    succeed(process.execPath, ['-e', database])
    expect(succeed(process.execPath, ['api.ts'])).to.equal('success 2\nsuccess\n')
  })
})
