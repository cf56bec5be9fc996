#!/usr/bin/env node
/** What `rowshift` starts: the program, whose compiled code is kept from one run to the next where Node.js can do that (22.8). */
import { join } from 'node:path'
import { rowshiftVersion } from '../version.js'
import { ownFolder } from './own-folder.js'

type Cache = Pick<typeof import('node:module'), 'enableCompileCache'>

if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stdout.write(`${rowshiftVersion()}\n`)
} else {
  keepCompiledCode()
  await import('./main.js')
}

function keepCompiledCode(): void {
  const { enableCompileCache } = process.getBuiltinModule('node:module') as Partial<Cache>
  if (!enableCompileCache || process.env['NODE_DISABLE_COMPILE_CACHE'] || process.env['NODE_COMPILE_CACHE'])
    return
  const folder = ownFolder()
  if (folder === null) return
  // Not by NODE_COMPILE_CACHE alone, which this process has not been started with; worker threads obey it.
  enableCompileCache(join(folder, 'compiled'))
  process.env['NODE_COMPILE_CACHE'] = join(folder, 'compiled')
}
