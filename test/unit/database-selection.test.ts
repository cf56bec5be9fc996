import { expect } from 'chai'
import { describe, it } from 'mocha'
import { RowshiftError } from '../../src/contract/errors.js'
import { splitList } from '../../src/features/database/name-patterns.js'
import { seesAllTables } from '../../src/features/database/plan.js'
import type { SelectionRequest } from '../../src/features/database/selection.js'
import { namesInTarget, selectCompared, selectTables } from '../../src/features/database/selection.js'
import { nameSyntaxes } from '../../src/features/database/table-naming.js'

const NAMES = ['user', 'order_2025', 'order_2026', 'order_2026_bak', 'a*b', 'a,b']

const ALL = { tables: [], exclude: [], rename: [] }

function syntaxes(from: boolean, to: boolean) {
  const end = (schemas: boolean) => ({ loaded: { plugin: { capabilities: { schemas } } } })
  return nameSyntaxes({ from: end(from), to: end(to) })
}

const BARE = syntaxes(false, false)
const INTO_SCHEMA = syntaxes(false, true)
const OUT_OF_SCHEMA = syntaxes(true, false)

function select(request: Partial<SelectionRequest>, names: readonly string[] = NAMES, ends = BARE) {
  return selectTables(names, { ...ALL, ...request }, ends)
}

function names(request: Partial<SelectionRequest>, all: readonly string[] = NAMES, ends = BARE): string[] {
  return select(request, all, ends).tables.map(({ from, to }) => (from === to ? from : `${from}=${to}`))
}

describe('tables of a database', () => {
  it('are all of them, in the order of their names', () => {
    expect(names({})).to.deep.equal(['a*b', 'a,b', 'order_2025', 'order_2026', 'order_2026_bak', 'user'])
  })

  it('are those that are listed where the server does not say whether there are others', async () => {
    const refused = new RowshiftError('READ_ONLY', 'The server runs with --skip-grant-tables (1290).')
    expect(await seesAllTables({ skills: { seesAllTables: () => Promise.reject(refused) } })).to.equal(true)
    expect(await seesAllTables({ skills: {} })).to.equal(true)
    expect(await seesAllTables({ skills: { seesAllTables: async () => false } })).to.equal(false)
  })

  it('are chosen by name, by stars and by regular expressions', () => {
    expect(names({ tables: ['user', 'order_*'] })).to.deep.equal([
      'order_2025',
      'order_2026',
      'order_2026_bak',
      'user',
    ])
    expect(names({ tables: ['/^order_[0-9]+$/'] })).to.deep.equal(['order_2025', 'order_2026'])
    expect(names({ tables: ['a\\*b'] })).to.deep.equal(['a*b'])
    expect(names({ tables: ['*'], exclude: ['*_bak', 'a*'] })).to.deep.equal([
      'order_2025',
      'order_2026',
      'user',
    ])
  })

  it('are left out with the reason', () => {
    expect(select({ tables: ['order_*'], exclude: ['*_bak'] }).leftOut).to.deep.equal([
      { table: 'a*b', reason: 'not in --tables' },
      { table: 'a,b', reason: 'not in --tables' },
      { table: 'order_2026_bak', reason: '--exclude *_bak' },
      { table: 'user', reason: 'not in --tables' },
    ])
  })

  it('get other names by the first rule that they match', () => {
    expect(
      names({ tables: ['order_*', 'user'], rename: ['order_*_bak=old_$_*', 'order_*=o_*'] }),
    ).to.deep.equal(['order_2025=o_2025', 'order_2026=o_2026', 'order_2026_bak=old_$_2026', 'user'])
    expect(names({ tables: ['order_2025'], rename: ['/^(\\w+)_(\\d+)$/=$2_$1'] })).to.deep.equal([
      'order_2025=2025_order',
    ])
  })

  it('are refused where nothing is meant, or two tables would become one', () => {
    const refused: [Partial<SelectionRequest>, string][] = [
      [{ tables: ['ordr_*'] }, '--tables ordr_* matches none of 6 tables'],
      [{ tables: ['usr'] }, 'no such table; did you mean "user"? Nothing was written.'],
      [{ exclude: ['nothing'] }, 'no such table. Nothing was written.'],
      [{ exclude: ['x*'] }, '--exclude x* matches none'],
      [{ exclude: ['*'] }, 'All 6 tables of the source are left out'],
      [{ rename: ['ordr_*=o_*'] }, '--rename ordr_* matches none'],
      [{ rename: ['order_*=orders'] }, 'the same number of stars'],
      [{ rename: ['/^order_.*/=orders'] }, 'order_2025 and order_2026 would both be written to orders'],
      [{ rename: ['order'] }, 'write old=new'],
      [{ tables: ['/(/'] }, 'is not a regular expression'],
      [{ tables: [''] }, 'empty name'],
      [{ tables: ['user\\'] }, 'ends with a backslash'],
      [{ exclude: ['order_*\\\\\\'] }, 'ends with a backslash'],
      [{ rename: ['user=u\\'] }, 'ends with a backslash'],
    ]
    for (const [request, words] of refused) expect(() => select(request), words).to.throw(words)
    expect(() => select({}, [])).to.throw('The source has no tables')
  })
})

describe('tables of a database that writes names in another way', () => {
  const ODD = ['a.b', 'say "hi"', 'x`y', 'plain', 'Two words']

  it('keep their names, each as its database writes it', () => {
    const written = ['Two words', 'a.b="a.b"', 'plain', 'say "hi"="say ""hi"""', 'x`y']
    expect(names({}, ODD, INTO_SCHEMA)).to.deep.equal(written)
    const back = select(
      {},
      select({}, ODD, INTO_SCHEMA).tables.map(({ to }) => to),
      OUT_OF_SCHEMA,
    )
    expect(back.tables.map(({ to }) => to).sort()).to.deep.equal([...ODD].sort())
    const same = syntaxes(true, true)
    expect(names({}, ['"a.b"', 'c'], same)).to.deep.equal(['"a.b"', 'c'])
  })

  it('are chosen and named by what stands in URLs; stars and expressions see no quotes', () => {
    const listed = ['"a.b"', '"a.c"', 'a', '"say ""hi"""']
    expect(names({ tables: ['"a.b"', 'a'] }, listed, OUT_OF_SCHEMA)).to.deep.equal(['"a.b"=a.b', 'a'])
    expect(names({ tables: ['"a.*"'] }, listed, OUT_OF_SCHEMA)).to.deep.equal(['"a.b"=a.b', '"a.c"=a.c'])
    expect(names({ tables: ['/^a\\.c$/'] }, listed, OUT_OF_SCHEMA)).to.deep.equal(['"a.c"=a.c'])
    expect(names({ exclude: ['a*'] }, listed, OUT_OF_SCHEMA)).to.deep.equal(['"say ""hi"""=say "hi"'])
    const rename = ['"a.*"=x.*', 'a=b.c', '*=new_*']
    expect(names({ rename }, listed, OUT_OF_SCHEMA)).to.deep.equal([
      '"a.b"=x.b',
      '"a.c"=x.c',
      '"say ""hi"""=new_say "hi"',
      'a=b.c',
    ])
    expect(names({ rename: ['a.*="x.*"', 'plain=other.p'] }, ['a.b', 'plain'], INTO_SCHEMA)).to.deep.equal([
      'a.b="x.b"',
      'plain=other.p',
    ])
    expect(names({ rename: ['*=other.*'] }, ['a.b'], INTO_SCHEMA)).to.deep.equal(['a.b=other."a.b"'])
    expect(names({ rename: ['/^a\\.(.*)$/=$1'] }, ['a.b.c'], INTO_SCHEMA)).to.deep.equal(['a.b.c="b.c"'])
  })

  it('go to the schema that a part of their name says', () => {
    const listed = ['crm_a.b', 'crm_users']
    for (const rule of ['*_*=*.*', '/^(.+?)_(.+)$/=$1.$2', '/_/=.', '/^crm_/=crm.', '/^crm_(.+)/="crm"."$1"'])
      expect(names({ rename: [rule] }, listed, INTO_SCHEMA), rule).to.deep.equal([
        'crm_a.b=crm."a.b"',
        'crm_users=crm.users',
      ])
    const of = (rule: string, table: string) => names({ rename: [rule] }, [table], INTO_SCHEMA)
    expect(of('/_v1$/=.x', 'users_v1')).to.deep.equal(['users_v1=users.x'])
    expect(of('/_v(\\d)/=_$1.v_', 'users_v1_a')).to.deep.equal(['users_v1_a=users_1.v__a'])
    expect(of('*__*=$_*.*_$1', 'a.b__c')).to.deep.equal(['a.b__c="$_a.b".c_$1'])
    expect(names({ rename: ['/^crm_/=crm.', '*_*=*.*'] }, listed)).to.deep.equal([
      'crm_a.b=crm.a.b',
      'crm_users=crm.users',
    ])
  })

  it('are found on both ends of a comparison', () => {
    const both = selectCompared(
      ['a.b', 'c'],
      ['"a.b"', '"x.y"', 'z'],
      { ...ALL, exclude: ['z'] },
      INTO_SCHEMA,
    )
    expect(both.tables).to.deep.equal([
      { from: 'a.b', to: '"a.b"' },
      { from: 'c', to: 'c' },
    ])
    expect(both.extra).to.deep.equal(['"x.y"'])
    expect(namesInTarget({ ...ALL, rename: ['p=q'] }, INTO_SCHEMA)('not.copied')).to.equal('"not.copied"')
  })

  it('are refused where a schema is named, or quotes are missing', () => {
    const refused: [Partial<SelectionRequest>, string][] = [
      [{ tables: ['public.a'] }, 'tables are named without a schema here'],
      [{ tables: ['a"b'] }, 'stands in double quotes'],
      [{ tables: ['"a.d"'] }, 'did you mean ""a.b""?'],
    ]
    for (const [request, words] of refused)
      expect(() => select(request, ['"a.b"', 'a'], OUT_OF_SCHEMA), words).to.throw(words)
    for (const rule of ['a=b.c.d', 'a=b.', '/a/=b.c.', '/a/=b"', '/a/="b".'])
      expect(() => select({ rename: [rule] }, ['a'], INTO_SCHEMA), rule).to.throw('does not name a table')
    expect(() => select({ rename: ['*_*=s.*'] }, ['a_b'], INTO_SCHEMA)).to.throw('the same number of stars')
  })
})

describe('lists of tables', () => {
  it('end at commas, but not at those of names and of expressions', () => {
    expect(splitList('a,b_*')).to.deep.equal(['a', 'b_*'])
    expect(splitList('a\\,b,c')).to.deep.equal(['a\\,b', 'c'])
    expect(splitList('/^a{1,2}$/,b')).to.deep.equal(['/^a{1,2}$/', 'b'])
    expect(splitList('/^a{1,2}_(.*)$/=x_$1,b=c')).to.deep.equal(['/^a{1,2}_(.*)$/=x_$1', 'b=c'])
  })
})
