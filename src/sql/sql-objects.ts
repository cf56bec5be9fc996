import type { Endpoint } from '../contract/endpoint.js'
import { RowshiftError } from '../contract/errors.js'
import type { DatabaseObject, ObjectTarget } from '../contract/objects.js'
import type { ReaderSkills } from '../contract/skills.js'
import type { SqlSession } from './session.js'
import type { SqlSink } from './sql-sink.js'
import type { SqlSource } from './sql-source.js'

/** Makes views, triggers and routines of a database that speaks SQL. Of a sink that has `objects`. */
export function sqlObjects<S extends SqlSession>(
  sink: SqlSink<S>,
  endpoint: Endpoint,
  session: () => Promise<S>,
): ObjectTarget {
  const statements = sink.objects!
  return {
    family: sink.family,
    async list() {
      const own = await session()
      return statements.list(own).catch((thrown: unknown) => {
        throw own.dialect.error(thrown, `listing views and triggers of ${own.where}`)
      })
    },
    async create(object, ddl, definer, signal) {
      const own = await sink.open(endpoint, signal)
      try {
        await statements.create(own, object, ddl, definer)
      } catch (thrown) {
        throw objectError(own.dialect.error(thrown, `making ${titleOfObject(object)} in ${own.where}`))
      } finally {
        await own.close()
      }
    },
  }
}

/** What a reader says of foreign keys, and of views, triggers and routines. `using`: runs a question in its session. */
export function schemaSkills<S extends SqlSession>(
  { foreignKeys, objects }: SqlSource<S>,
  using: <T>(doing: string, work: (session: S) => Promise<T>) => Promise<T>,
): Pick<ReaderSkills, 'foreignKeys' | 'objects'> {
  return {
    ...(foreignKeys && {
      foreignKeys: {
        family: foreignKeys.family,
        list: (tables = []) => using('listing foreign keys', (session) => foreignKeys.list(session, tables)),
      },
    }),
    ...(objects && {
      objects: {
        family: objects.family,
        list: () => using('listing views and triggers', (session) => objects.list(session)),
        ddl: (object) =>
          using(`reading how ${titleOfObject(object)} is made`, (session) => objects.ddl(session, object)),
        unseen: () =>
          using('asking what the user may see', async (session) => (await objects.unseen?.(session)) ?? []),
      },
    }),
  }
}

/** `trigger t_bi of t`. */
export function titleOfObject({
  kind,
  name,
  table,
}: Pick<DatabaseObject, 'kind' | 'name' | 'table'>): string {
  return `${kind} ${name}${table === null ? '' : ` of ${table}`}`
}

/** Throws OBJECT_FAILED unless the statement begins as one that makes this object does. */
export function mustMatch(object: DatabaseObject, sql: string, header: RegExp): void {
  if (header.test(sql)) return
  throw new RowshiftError(
    'OBJECT_FAILED',
    `The source says that ${titleOfObject(object)} is made by ${JSON.stringify(sql.slice(0, 120))}, which is not a statement that does that. It is not run.`,
  )
}

function objectError(error: RowshiftError): RowshiftError {
  const { code, message, details, cause } = error
  if (code === 'ACCESS_DENIED' || code === 'INTERRUPTED' || error.retryable) return error
  return new RowshiftError('OBJECT_FAILED', message, details, cause)
}
