import { RowshiftError } from '../contract/errors.js'
import { dotHint } from '../contract/table-name.js'
import type { Key } from '../contract/table-schema.js'

/** One part of a unique index. */
export interface KeyPart {
  readonly key: string
  readonly primary: boolean
  /** null: what is unique is not the column, but an expression or a prefix; or the index has no ranges. */
  readonly column: string | null
  readonly nullable: boolean
}

/** The keys whose parts are all columns, primary ones first. The parts of an index stand in its order. */
export function keysOf(parts: readonly KeyPart[]): Key[] {
  const indexes = new Map<string, KeyPart[]>()
  for (const part of parts) indexes.set(part.key, [...(indexes.get(part.key) ?? []), part])
  return [...indexes.values()]
    .filter((index) => index.every(({ column }) => column !== null))
    .map((index) => ({
      name: index[0]!.key,
      columns: index.map(({ column }) => column!),
      primary: index[0]!.primary,
      nullable: index.some(({ nullable }) => nullable),
    }))
    .sort((a, b) => Number(b.primary) - Number(a.primary))
}

/** `hint` follows the message: where else the table may be. */
export function noTable(table: string, where: string, hint = dotHint(table)): RowshiftError {
  return new RowshiftError(
    'TABLE_NOT_FOUND',
    `There is no table ${JSON.stringify(table)} in ${where}, or the user may not see it.${hint}`,
    { table, connection: where },
  )
}
