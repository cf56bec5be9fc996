/**
 * Derivations as SQL: which step makes what of which values, and what is then known of them. What the SQL looks like is
 * the {@link Dialect}'s to say.
 */
import type { CastType, Column, Derivation, Refusal, Step, TableSchema, Unmapped } from '../plugin.js'
import { RowshiftError } from '../plugin.js'
import { fixedText, isComparable, joined, masked, merged, replaced, textFacts, trimmed } from './facts.js'
import type { Facts } from './literals.js'
import { ASCII, literalFacts, literalKind, typeName } from './literals.js'

/** A value on its way through the steps. */
export interface Value extends Facts {
  /** An expression that needs no parentheses around it. */
  readonly sql: string
  readonly refusals: readonly Refusal[]
}

export interface Dialect {
  /** A column as a value, text in an encoding in which texts can be put together. `encoding` is that of a `Derivation`. */
  column(column: Column, encoding: string | undefined): Value
  /** Throws PARAMS_INVALID. */
  expression(sql: string, encoding: string | undefined): Promise<Value>
  text(literal: string): string
  /** A literal as a value of some kind. */
  literal(literal: string, facts: Facts): string
  /** The text of a value that is no text. */
  asText(value: Value): string
  concat(parts: readonly string[]): string
  trim(text: string): string
  replace(text: string, from: string, to: string): string
  /** Text that `=` compares byte by byte. */
  exact(text: string): string
  /** An expression that fails unless `sql` is NULL, in the place of a value of the kind. */
  fail(sql: string, kind: Column['kind']): string
  /** `fits`: a condition; null: every value fits. null: there is no such cast. */
  cast(value: Value, to: CastType): { readonly sql: string; readonly fits: string | null } | null
  mask(text: string, first: number, last: number, by: string): string
  /** Of a text or bytes. */
  sha256(value: Value, salt: string): string
  /** Makes sure that values have the type that `facts` say: literals of several lengths, numbers of several scales. */
  settle(sql: string, facts: Facts): string
  /** Of a derived text column. */
  readonly collation: string | undefined
}

/** All wanted columns. Throws PARAMS_INVALID with every fault. */
export async function deriveColumns(
  dialect: Dialect,
  table: TableSchema,
  wanted: readonly Derivation[],
): Promise<Column[]> {
  const columns: Column[] = []
  const faults: string[] = []
  for (const derivation of wanted) {
    try {
      columns.push(await deriveColumn(dialect, table, derivation))
    } catch (thrown) {
      if (!(thrown instanceof RowshiftError) || thrown.code !== 'PARAMS_INVALID') throw thrown
      faults.push(`${derivation.at}: ${thrown.message}`)
    }
  }
  if (faults.length === 0) return columns
  throw new RowshiftError('PARAMS_INVALID', faults.join('\n'), { faults })
}

async function deriveColumn(dialect: Dialect, table: TableSchema, derivation: Derivation): Promise<Column> {
  const { name, steps, at } = derivation
  const start = await originOf(dialect, table, derivation)
  const { sql, kind, type, nullable, domain, refusals } = steps.reduce(
    (value, step) => take(dialect, value, step, at),
    start,
  )
  return {
    name,
    type,
    kind,
    nullable,
    domain,
    hasDefault: false,
    generated: false,
    ordered: false,
    sql,
    ...(refusals.length === 0 ? {} : { refusals }),
    ...(kind === 'text' && dialect.collation !== undefined ? { collation: dialect.collation } : {}),
  }
}

async function originOf(
  dialect: Dialect,
  table: TableSchema,
  { origin, encoding }: Derivation,
): Promise<Value> {
  const column = (name: string) =>
    dialect.column(
      table.columns.find((column) => column.name === name)!,
      encoding,
    )
  switch (origin.type) {
    case 'column':
      return column(origin.name)
    case 'constant': {
      const facts = literalFacts([origin.value])
      return { ...facts, sql: constant(dialect, origin.value, facts), refusals: [] }
    }
    case 'sql':
      return dialect.expression(origin.sql, encoding)
    case 'template': {
      const parts = origin.parts.map((part) =>
        'text' in part
          ? { ...fixedText(part.text), sql: dialect.text(part.text), refusals: [] }
          : text(dialect, column(part.column), `{${part.column}} of "template"`),
      )
      const sql = dialect.concat(parts.map((part) => part.sql))
      return { ...joined(parts), sql, refusals: parts.flatMap(({ refusals }) => refusals) }
    }
    default:
      return origin satisfies never
  }
}

function take(dialect: Dialect, value: Value, step: Step, at: string): Value {
  switch (step.type) {
    case 'trim': {
      const from = ownText(value, '"trim"')
      return { ...from, ...trimmed(from), sql: dialect.trim(from.sql) }
    }
    case 'replace': {
      const from = ownText(value, '"replace"')
      const sql = step.pairs.reduce((sql, [a, b]) => dialect.replace(sql, a, b), from.sql)
      return { ...from, ...replaced(from, step.pairs), sql }
    }
    case 'map':
      return map(dialect, value, step.pairs, step.unmapped, at)
    case 'cast':
      return cast(dialect, value, step.to, at)
    case 'mask': {
      const from = text(dialect, value, '"mask"')
      return {
        ...from,
        ...masked(from, step.with),
        sql: dialect.mask(from.sql, step.first, step.last, step.with),
      }
    }
    case 'hash': {
      const from = value.kind === 'bytes' ? value : text(dialect, value, '"hash"')
      const domain = { maxChars: 64, characters: ASCII, trimmed: true } as const
      const sql = dialect.sha256(from, step.salt)
      return { ...from, kind: 'text', type: typeName('text', domain), domain, sql }
    }
    case 'default': {
      if (!value.nullable) return value
      const [from, facts] = either(dialect, value, [step.value], '"default"')
      const sql = `COALESCE(${from.sql}, ${constant(dialect, step.value, facts)})`
      return { ...from, ...facts, nullable: false, sql: dialect.settle(sql, facts) }
    }
    default:
      return step satisfies never
  }
}

function map(
  dialect: Dialect,
  value: Value,
  pairs: readonly (readonly [string, string | null])[],
  unmapped: Unmapped,
  at: string,
): Value {
  const from = isComparable(value) ? value : text(dialect, value, '"map"')
  const keys = pairs.map(([key]) => mapKey(dialect, from, key))
  const given = pairs.map(([, to]) => to)
  const results = typeof unmapped === 'object' ? [...given, unmapped.value] : given
  const [kept, facts] =
    unmapped === 'keep' ? either(dialect, from, results, '"map"') : ([from, literalFacts(results)] as const)
  const nullable = from.nullable || results.includes(null)
  const subject = from.kind === 'text' ? dialect.exact(from.sql) : from.sql
  const cases = keys.map((key, i) => `WHEN ${key} THEN ${constant(dialect, given[i]!, facts)}`)
  const rest =
    unmapped === 'error'
      ? dialect.fail(from.sql, facts.kind)
      : unmapped === 'keep'
        ? kept.sql
        : constant(dialect, unmapped.value, facts)
  const mapped = `CASE ${subject} ${cases.join(' ')} ELSE ${rest} END`
  // NULL is no value that the map could name.
  const guarded = typeof unmapped === 'object' && unmapped.value !== null && from.nullable
  const sql = guarded ? `CASE WHEN ${from.sql} IS NULL THEN NULL ELSE ${mapped} END` : mapped
  const refusal: Refusal = {
    condition: `${subject} NOT IN (${keys.join(', ')})`,
    value: from.sql,
    why: `is not in "map" of ${at}; add it there, or say with "unmapped" what becomes of such values`,
  }
  const refusals = unmapped === 'error' ? [...from.refusals, refusal] : from.refusals
  return { ...facts, nullable, sql: dialect.settle(sql, facts), refusals }
}

/** Keys of numbers are numbers, all others texts. */
function mapKey(dialect: Dialect, from: Value, key: string): string {
  if (from.kind === 'text') return dialect.exact(dialect.text(key))
  const kind = literalKind([key])
  if (kind === 'integer' || (kind === 'decimal' && from.kind === 'decimal')) return key
  throw fault(`${JSON.stringify(key)} in "map" is no ${from.kind}, as all values are (${from.type})`)
}

function cast(dialect: Dialect, value: Value, to: CastType, at: string): Value {
  const made = dialect.cast(value, to)
  if (made === null) throw fault(`there is no cast of ${value.type} (${value.kind}) to ${to.name}`)
  const refusal: Refusal = {
    condition: `${value.sql} IS NOT NULL AND NOT (${made.fits})`,
    value: value.sql,
    why: `does not fit into ${to.name}, to which ${at} casts; correct it, or map it to another value`,
  }
  const sql =
    made.fits === null
      ? made.sql
      : `CASE WHEN ${made.fits} THEN ${made.sql} ELSE ${dialect.fail(value.sql, to.kind)} END`
  return {
    ...castFacts(value, to),
    sql: dialect.settle(sql, castFacts(value, to)),
    refusals: made.fits === null ? value.refusals : [...value.refusals, refusal],
  }
}

function castFacts({ nullable, kind, domain, type }: Value, to: CastType): Facts {
  const own = { kind: to.kind, type: to.name, nullable }
  switch (to.kind) {
    case 'integer':
      return { ...own, domain: { min: to.min, max: to.max } }
    case 'decimal':
      return { ...own, domain: { precision: to.precision, scale: to.scale } }
    case 'float':
      return { ...own, domain: { bits: 53 } }
    case 'text': {
      const facts = kind === 'text' ? domain : textFacts({ kind, domain, nullable, type }).domain
      const { maxBytes: _, members: __, several: ___, dynamic: ____, ...rest } = facts
      const maxChars = Math.min(to.maxChars ?? Infinity, facts.maxChars ?? facts.maxBytes ?? Infinity)
      return { ...own, domain: maxChars === Infinity ? rest : { ...rest, maxChars } }
    }
    case 'date':
      return { ...own, domain: { dates: 'calendar', earliest: '0001-01-01', latest: '9999-12-31' } }
    case 'datetime': {
      const bounds = { earliest: '0001-01-01 00:00:00', latest: '9999-12-31 23:59:59' }
      return { ...own, domain: { dates: 'calendar', ...bounds, fractionDigits: to.fractionDigits } }
    }
    default:
      return to satisfies never
  }
}

/** The value, or one of the literals: as its own kind where all of them are of it, else as text. */
function either(
  dialect: Dialect,
  value: Value,
  literals: readonly (string | null)[],
  what: string,
): readonly [Value, Facts] {
  const facts = merged(value, literals)
  if (facts !== null) return [value, facts]
  const from = text(dialect, value, what)
  return [from, merged(from, literals)!]
}

function text(dialect: Dialect, value: Value, what: string): Value {
  if (value.kind === 'text') return value
  if (value.kind === 'bytes') throw fault(`${what} takes no bytes (${value.type}); compute them with "sql"`)
  return { ...value, ...textFacts(value), sql: dialect.asText(value) }
}

function ownText(value: Value, what: string): Value {
  if (value.kind === 'text') return { ...value, ...textFacts(value) }
  throw fault(`${what} takes text, not ${value.type} (${value.kind})`)
}

function constant(dialect: Dialect, value: string | null, facts: Facts): string {
  return value === null ? 'NULL' : dialect.literal(value, facts)
}

function fault(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
