// Where rowshift keeps files that it runs later: nowhere that somebody else could put others in their place.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, beforeEach, describe, it } from 'mocha'
import { ownFolder } from '../../src/cli/own-folder.js'

const NAMES = ['XDG_CACHE_HOME', 'HOME', 'TMPDIR'] as const

describe('the folder for files that are run later', () => {
  const given = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]))
  let folder: string
  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'rowshift-own-')))
    mkdirSync(join(folder, 'tmp'), { mode: 0o700 })
    mkdirSync(join(folder, 'home'), { mode: 0o700 })
  })
  beforeEach(() => {
    process.env['TMPDIR'] = join(folder, 'tmp')
    process.env['HOME'] = join(folder, 'home')
    delete process.env['XDG_CACHE_HOME']
  })
  after(() => {
    for (const name of NAMES) {
      if (given[name] === undefined) delete process.env[name]
      else process.env[name] = given[name]
    }
    rmSync(folder, { recursive: true })
  })
  const fallback = () => join(folder, 'tmp', `rowshift-${process.getuid!()}`)

  it("is in the user's cache, and made for this user alone", () => {
    const own = join(folder, 'home/.cache/rowshift')
    expect(ownFolder()).to.equal(own)
    expect(statSync(own).mode & 0o777).to.equal(0o700)
    expect(statSync(join(folder, 'home/.cache')).mode & 0o777).to.equal(0o700)
  })

  it('is not where others may rename a folder above, however deep', () => {
    const open = join(folder, 'open')
    mkdirSync(join(open, 'deep/cache'), { recursive: true })
    process.env['XDG_CACHE_HOME'] = join(open, 'deep/cache')
    chmodSync(open, 0o770)
    expect(ownFolder()).to.equal(fallback())
    expect(existsSync(join(open, 'deep/cache/rowshift'))).to.equal(false)
    chmodSync(open, 0o1777)
    expect(ownFolder(), 'they may not in a sticky one').to.equal(join(open, 'deep/cache/rowshift'))
  })

  it('is where a link leads to, which may be changed afterwards', () => {
    mkdirSync(join(folder, 'disk'), { mode: 0o700 })
    symlinkSync(join(folder, 'disk'), join(folder, 'link'))
    process.env['XDG_CACHE_HOME'] = join(folder, 'link')
    expect(ownFolder()).to.equal(join(folder, 'disk/rowshift'))
  })

  it('is no relative one', () => {
    process.env['XDG_CACHE_HOME'] = 'cache'
    expect(ownFolder()).to.equal(join(folder, 'home/.cache/rowshift'))
    expect(existsSync('cache/rowshift')).to.equal(false)
  })

  // Only who may write everywhere could make one.
  if (process.getuid!() === 0)
    it('is not in the home of another user, and nothing is made there', () => {
      const home = join(folder, 'alice')
      mkdirSync(home, { mode: 0o755 })
      chownSync(home, 12_345, 12_345)
      process.env['HOME'] = home
      expect(ownFolder()).to.equal(fallback())
      expect(readdirSync(home)).to.deep.equal([])
      mkdirSync(join(home, '.cache'), { mode: 0o700 })
      chownSync(join(home, '.cache'), 12_345, 12_345)
      expect(ownFolder()).to.equal(fallback())
      expect(readdirSync(join(home, '.cache'))).to.deep.equal([])
    })
})
