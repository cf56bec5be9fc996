// A Debian package around the single executable: the program, its manual page, its licences, and completion for three shells.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Debian's words for processors. */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/** `folder` has what the tar.gz has. */
export function makeDeb({ folder, version, arch, work, to }) {
  const architecture = ARCHITECTURES[arch]
  const root = join(work, `deb-${arch}`)
  const put = (from, path) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    copyFileSync(join(folder, from), join(root, path))
    chmodSync(join(root, path), from === 'rowshift' ? 0o755 : 0o644)
  }
  put('rowshift', 'usr/bin/rowshift')
  put('LICENSES.txt', 'usr/share/doc/rowshift/LICENSES.txt')
  put('LICENSE', 'usr/share/doc/rowshift/copyright')
  put('completion.bash', 'usr/share/bash-completion/completions/rowshift')
  put('completion.zsh', 'usr/share/zsh/vendor-completions/_rowshift')
  put('completion.fish', 'usr/share/fish/vendor_completions.d/rowshift.fish')
  mkdirSync(join(root, 'usr/share/man/man1'), { recursive: true })
  const page = gzipSync(readFileSync(join(folder, 'rowshift.1')), { level: 9 })
  writeFileSync(join(root, 'usr/share/man/man1/rowshift.1.gz'), page)
  mkdirSync(join(root, 'DEBIAN'))
  const size = Math.ceil(statSync(join(folder, 'rowshift')).size / 1024)
  writeFileSync(join(root, 'DEBIAN/control'), control(version, architecture, size))
  const file = join(to, `rowshift_${version}_${architecture}.deb`)
  // gzip: of the kinds that every dpkg reads the quickest to make, and the program is large.
  const args = ['--root-owner-group', '-Zgzip', '-z6', '--build', root, file]
  const { status, stderr, error } = spawnSync('dpkg-deb', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`dpkg-deb failed\n${error?.message ?? stderr}`)
}

/** The libraries are those that Node.js asks for. */
function control(version, architecture, size) {
  return `Package: rowshift
Version: ${version}
Architecture: ${architecture}
Maintainer: The rowshift project <rowshift@localhost>
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8)
Section: database
Priority: optional
Description: copies database tables, fast and exactly
 Copies tables between MySQL, MariaDB, PostgreSQL and SQLite in parallel,
 without changing a value on the way, and compares and repairs them.
`
}
