/** Where the queue is, as a user gives it. */
import { substituteReferences } from '../../config/variables.js'
import { redact, RowshiftError } from '../../contract/errors.js'

/** For people: options of the client, in the query, may be secrets too. */
export function shownQueue(url: string): string {
  return redact(url).replace(/\?.*$/s, '')
}

/** With its variables replaced. Throws USAGE, and VARIABLE_MISSING. */
export function queueUrl(text: string): string {
  // A value may have characters that mean something in a URL.
  const encoded = Object.entries(process.env).map(([name, value]) => [name, encodeURIComponent(value ?? '')])
  const { queue } = substituteReferences({ queue: text }, 'URL', Object.fromEntries(encoded)) as {
    queue: string
  }
  if (/^rediss?:\/\/./.test(queue) && URL.canParse(queue)) return queue
  throw new RowshiftError(
    'USAGE',
    `${shownQueue(text)} is not the URL of a queue. It has the form redis://user:password@host:6379/0, or rediss:// for TLS: ` +
      'queues are kept in Redis or Valkey, and in no database (docs/many-machines.md says why).',
  )
}
