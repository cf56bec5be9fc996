/**
 * Derivations as SQL: which step makes what of which values, and what is then known of them. What the SQL looks like is
 * the {@link StepDialect}'s to say.
 */
import type { CastType, Derivation, RowCheck, Step } from '../contract/derivation.js'
import { RowshiftError } from '../contract/errors.js'
import type { Column, TableSchema } from '../contract/table-schema.js'
import { fixedText, isComparable, joined } from './facts.js'
import type { Facts } from './literals.js'
import { literalFacts } from './literals.js'
import { asText, doesNotFit, noCast, notInMap, stepFacts } from './step-facts.js'

/** A value on its way through the steps. */
export interface Value extends Facts {
  /** An expression that needs no parentheses around it. */
  readonly sql: string
  readonly rowChecks: readonly RowCheck[]
}

/** How one database writes the steps of computed columns. */
export interface StepDialect {
  /** A column as a value, text in an encoding in which texts can be put together. `encoding` is that of a `Derivation`. */
  column(column: Column, encoding: string | undefined): Value
  /** Throws PARAMS_INVALID. */
  expression(sql: string, encoding: string | undefined): Promise<Value>
  text(literal: string): string
  /** A literal as a value of some kind. */
  literal(literal: string, facts: Facts): string
  /** The text of a value that is not text. */
  asText(value: Value): string
  concat(parts: readonly string[]): string
  /** In characters. */
  length(text: string): string
  /** The first or last characters of a text that has more of them. */
  start(text: string, length: number): string
  end(text: string, length: number): string
  /** One character, so many times. */
  repeat(character: string, times: string): string
  /** Text that `=` compares byte by byte. */
  exact(text: string): string
  /** An expression that fails unless `sql` is NULL, in the place of a value of the kind. */
  fail(sql: string, kind: Column['kind']): string
  /** `fits`: a condition; null: every value fits. null: there is no such cast. */
  cast(value: Value, to: CastType): { readonly sql: string; readonly fits: string | null } | null
  /** Of a text or bytes. */
  sha256(value: Value, salt: string): string
  /** Makes sure that values have the type that `facts` say: literals of several lengths, numbers of several scales. Default: they have. */
  settle?(sql: string, facts: Facts): string
  /** Of a derived text column. */
  readonly collation: string | undefined
}

/** All wanted columns. Throws PARAMS_INVALID with every fault. */
export async function deriveColumns(
  dialect: StepDialect,
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

async function deriveColumn(
  dialect: StepDialect,
  table: TableSchema,
  derivation: Derivation,
): Promise<Column> {
  const { name, steps, at } = derivation
  const start = await originOf(dialect, table, derivation)
  const { sql, kind, type, nullable, valueRange, rowChecks } = steps.reduce(
    (value, step) => take(dialect, value, step, at),
    start,
  )
  return {
    name,
    type,
    kind,
    nullable,
    valueRange,
    hasDefault: false,
    generated: false,
    ordered: false,
    sql,
    ...(rowChecks.length === 0 ? {} : { rowChecks }),
    ...(kind === 'text' && dialect.collation !== undefined ? { collation: dialect.collation } : {}),
  }
}

async function originOf(
  dialect: StepDialect,
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
      return { ...facts, sql: constant(dialect, origin.value, facts), rowChecks: [] }
    }
    case 'sql':
      return dialect.expression(origin.sql, encoding)
    case 'template': {
      const parts = origin.parts.map((part) =>
        'text' in part
          ? { ...fixedText(part.text), sql: dialect.text(part.text), rowChecks: [] }
          : text(dialect, column(part.column), `{${part.column}} of "template"`),
      )
      const sql = dialect.concat(parts.map((part) => part.sql))
      return { ...joined(parts), sql, rowChecks: parts.flatMap(({ rowChecks }) => rowChecks) }
    }
    default:
      return origin satisfies never
  }
}

function take(dialect: StepDialect, value: Value, step: Step, at: string): Value {
  const facts = stepFacts(value, step)
  switch (step.type) {
    case 'trim':
      return { ...value, ...facts, sql: `TRIM(${value.sql})` }
    case 'replace': {
      const sql = step.pairs.reduce(
        (sql, [a, b]) => `REPLACE(${sql}, ${dialect.text(a)}, ${dialect.text(b)})`,
        value.sql,
      )
      return { ...value, ...facts, sql }
    }
    case 'map':
      return map(dialect, value, facts, step, at)
    case 'cast':
      return cast(dialect, value, facts, step.to, at)
    case 'mask': {
      return { ...value, ...facts, sql: mask(dialect, text(dialect, value, '"mask"'), step) }
    }
    case 'hash': {
      const from = value.kind === 'bytes' ? value : text(dialect, value, '"hash"')
      return { ...value, ...facts, sql: dialect.sha256(from, step.salt) }
    }
    case 'default': {
      if (!value.nullable) return value
      const from = facts.kind === value.kind ? value : text(dialect, value, '"default"')
      const sql = `COALESCE(${from.sql}, ${constant(dialect, step.value, facts)})`
      return { ...value, ...facts, sql: settled(dialect, sql, facts) }
    }
    default:
      return step satisfies never
  }
}

function mask(dialect: StepDialect, { sql, nullable }: Value, step: Step & { type: 'mask' }): string {
  const { first, last, with: by } = step
  const length = dialect.length(sql)
  const shown = [
    ...(first === 0 ? [] : [dialect.start(sql, first)]),
    dialect.repeat(by, `${length} - ${first + last}`),
    ...(last === 0 ? [] : [dialect.end(sql, last)]),
  ]
  const unlessNull = nullable ? `WHEN ${sql} IS NULL THEN NULL ` : ''
  return (
    `CASE ${unlessNull}WHEN ${length} > ${first + last} THEN ${dialect.concat(shown)} ` +
    `ELSE ${dialect.repeat(by, length)} END`
  )
}

function map(
  dialect: StepDialect,
  value: Value,
  facts: Facts,
  { pairs, unmapped }: Step & { type: 'map' },
  at: string,
): Value {
  const from = isComparable(value) ? value : text(dialect, value, '"map"')
  const keys = pairs.map(([key]) => (from.kind === 'text' ? dialect.exact(dialect.text(key)) : key))
  const subject = from.kind === 'text' ? dialect.exact(from.sql) : from.sql
  const cases = keys.map((key, i) => `WHEN ${key} THEN ${constant(dialect, pairs[i]![1], facts)}`)
  const unchanged = () => (facts.kind === from.kind ? from : text(dialect, from, '"map"')).sql
  const rest =
    unmapped === 'error'
      ? dialect.fail(from.sql, facts.kind)
      : unmapped === 'keep'
        ? unchanged()
        : constant(dialect, unmapped.value, facts)
  const mapped = `CASE ${subject} ${cases.join(' ')} ELSE ${rest} END`
  // NULL is not a value that the map could name.
  const nullStays = typeof unmapped === 'object' && unmapped.value !== null && from.nullable
  const sql = nullStays ? `CASE WHEN ${from.sql} IS NULL THEN NULL ELSE ${mapped} END` : mapped
  const rowCheck: RowCheck = {
    condition: `${subject} NOT IN (${keys.join(', ')})`,
    value: from.sql,
    why: notInMap(at),
  }
  const rowChecks = unmapped === 'error' ? [...from.rowChecks, rowCheck] : from.rowChecks
  return { ...facts, sql: settled(dialect, sql, facts), rowChecks }
}

function cast(dialect: StepDialect, value: Value, facts: Facts, to: CastType, at: string): Value {
  const converted = dialect.cast(value, to)
  if (converted === null) throw fault(noCast(value, to))
  const rowCheck: RowCheck = {
    condition: `${value.sql} IS NOT NULL AND NOT (${converted.fits})`,
    value: value.sql,
    why: doesNotFit(to, at),
  }
  const sql =
    converted.fits === null
      ? converted.sql
      : `CASE WHEN ${converted.fits} THEN ${converted.sql} ELSE ${dialect.fail(value.sql, to.kind)} END`
  return {
    ...facts,
    sql: settled(dialect, sql, facts),
    rowChecks: converted.fits === null ? value.rowChecks : [...value.rowChecks, rowCheck],
  }
}

function text(dialect: StepDialect, value: Value, what: string): Value {
  return value.kind === 'text' ? value : { ...value, ...asText(value, what), sql: dialect.asText(value) }
}

function settled(dialect: StepDialect, sql: string, facts: Facts): string {
  return dialect.settle?.(sql, facts) ?? sql
}

function constant(dialect: StepDialect, value: string | null, facts: Facts): string {
  return value === null ? 'NULL' : dialect.literal(value, facts)
}

function fault(message: string): RowshiftError {
  return new RowshiftError('PARAMS_INVALID', message)
}
