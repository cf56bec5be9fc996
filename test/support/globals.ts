import { query } from './context.js'
import type { MysqlKind, TestServer } from './servers.js'

/** SQL of a value, for both servers or for each. */
export type Globals = Readonly<Record<string, string | Readonly<Record<MysqlKind, string>>>>

/** Sets global variables of servers; resolves to what puts the old values back. */
export async function withGlobals(
  servers: readonly TestServer<MysqlKind>[],
  wanted: Globals,
): Promise<() => Promise<void>> {
  const names = Object.keys(wanted)
  if (names.length === 0) return async () => {}
  const set = (at: TestServer<MysqlKind>, values: readonly (string | null)[]) =>
    query(at, `SET ${names.map((name, i) => `GLOBAL ${name} = ${values[i]}`).join(', ')}`)
  const old = await Promise.all(
    servers.map(
      async (at) => (await query(at, `SELECT ${names.map((name) => `@@GLOBAL.${name}`).join(', ')}`))[0]!,
    ),
  )
  await Promise.all(
    servers.map((at) =>
      set(
        at,
        Object.values(wanted).map((value) => (typeof value === 'string' ? value : value[at.kind])),
      ),
    ),
  )
  return async () => {
    await Promise.all(servers.map((at, i) => set(at, old[i]!.map(literal))))
  }
}

function literal(value: string | null): string {
  return value !== null && /^(\d+(\.\d+)?|DEFAULT)$/.test(value) ? value : `'${value}'`
}
