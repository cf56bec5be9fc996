import assert from 'node:assert/strict'
import type { ErrorCode } from '../contract/errors.js'
import { RowshiftError } from '../contract/errors.js'

/** What a test runner has. */
export interface Runner {
  readonly describe: (name: string, define: () => void) => unknown
  readonly it: (name: string, test: () => Promise<void>) => unknown
}

/** The one that was given, else that of the runner that runs the file. */
export function runnerOf(given: Runner | undefined): Runner {
  const { describe, it } = given ?? (globalThis as Partial<Runner>)
  if (describe && it) return { describe, it }
  throw new Error(
    'There is no describe and it: run the file in a test runner, or give the two as the last argument.',
  )
}

/** The error with this code that the work must end with. */
export async function failsWith(
  code: ErrorCode | null,
  work: () => Promise<unknown>,
): Promise<RowshiftError> {
  const thrown = await work().then(
    () => assert.fail(`nothing was thrown; expected ${code ?? 'a RowshiftError'}`),
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof RowshiftError, `not a RowshiftError: ${String(thrown)}`)
  if (code !== null) assert.equal(thrown.code, code, thrown.message)
  assert.notEqual(thrown.message, '', 'the error has a message')
  return thrown
}

/** Whether it can travel to another thread as it is. */
export function assertPlainJson(value: unknown, what: string): void {
  assert.deepEqual(JSON.parse(JSON.stringify(value)), value, `${what} must be plain JSON`)
}

/** What a suite is about; a plugin that does not have it is told so before any test runs. */
export function assertHas(plugin: object, name: 'createReader' | 'createWriter' | 'createTaskStore'): void {
  const has = typeof (plugin as Record<string, unknown>)[name] === 'function'
  assert.ok(has, `the plugin has no "${name}", so there is nothing to try`)
}
