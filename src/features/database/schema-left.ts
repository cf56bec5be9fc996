/** What a copy of a database has left to do beside rows. */
import type { SchemaReport } from './report.js'

/** Whether the same command with `--schema-only` would make more. */
export function lacksSchema({ foreignKeys, objects }: SchemaReport): boolean {
  return (
    foreignKeys.some(({ status, statement }) => statement !== null && status !== 'dropped') ||
    objects.some(({ status }) => status === 'failed')
  )
}

/** Whether some were not looked at, whose rows no session has checked. */
export function leavesKeys({ foreignKeys }: SchemaReport): boolean {
  return foreignKeys.some(({ status, reason }) => status === 'kept' && reason !== null)
}

/** Whether whoever goes on has more to do than to copy tables. */
export function leavesSchema({ foreignKeys, objects }: SchemaReport): boolean {
  const schema = { foreignKeys, objects }
  return lacksSchema(schema) || leavesKeys(schema) || objects.some(({ status }) => status === 'not_made')
}
