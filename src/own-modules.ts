import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

type Hooks = Pick<typeof import('node:module'), 'registerHooks'>

/** Environment data of the threads. */
const OFFERED = 'rowshift offers its own modules'

let offered = false

/**
 * In this thread and those that it starts afterwards, modules of others can import `rowshift/plugin` and the like wherever they lie: one that does
 * not find rowshift in a `node_modules` above itself gets this rowshift, which may be installed globally, or be a single file. Node.js 20 has no
 * hooks for that, and looks in `node_modules` only.
 */
export function offerOwnModules(): void {
  if (offered) return
  offered = true
  setEnvironmentData(OFFERED, true)
  const { registerHooks } = process.getBuiltinModule('node:module') as Partial<Hooks>
  const own = createRequire(import.meta.url)
  registerHooks?.({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context)
      } catch (thrown) {
        if (!/^rowshift(\/|$)/.test(specifier)) throw thrown
        return { url: pathToFileURL(own.resolve(specifier)).href, format: 'module', shortCircuit: true }
      }
    },
  })
}

/** In a thread: the same where the thread that has started it does so. */
export function offerOwnModulesToo(): void {
  if (getEnvironmentData(OFFERED) === true) offerOwnModules()
}
