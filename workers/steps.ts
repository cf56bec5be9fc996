import { createHash } from 'node:crypto'
import type { ColumnKind, Step } from '../src/contract/plugin.js'
import type { PipelineStep, StepsCell } from '../src/contract/computed-columns.js'
import type { Facts } from '../src/sql/literals.js'
import { doesNotFit, mapSubject, notInMap, stepFacts } from '../src/sql/step-facts.js'
import { castText, lengthOf } from '../src/wire/cast-text.js'
import { exactNumber, numberText } from '../src/wire/exact-number.js'

/** A value that a step refuses, and why, in words that follow the value. */
export class Unfit {
  /** null: it is not text. */
  readonly value: string | null
  readonly why: string

  constructor(value: string | null, why: string) {
    this.value = value
    this.why = why
  }
}

/** What a step makes of a value. */
export type Change = (text: string) => string | null | Unfit

/** What the steps make of values; NULL goes in and comes out as null. */
export function changeOf({ steps, from, asked }: StepsCell): (text: string | null) => string | null | Unfit {
  const changes: { readonly change: Change; readonly ofNull: string | null }[] = []
  let facts: Facts = from
  for (const step of steps) {
    changes.push({ change: stepOf(step, facts, asked), ofNull: step.type === 'default' ? step.value : null })
    facts = kindAfter(step, facts)
  }
  return (text) => {
    let value = text
    for (const { change, ofNull } of changes) {
      const next = value === null ? ofNull : change(value)
      if (next instanceof Unfit) return next
      value = next
    }
    return value
  }
}

/** Of bytes, only a hash can be made, and only first. */
export function hashOf(bytes: Uint8Array, salt: string): string {
  return createHash('sha256').update(salt).update(bytes).digest('hex')
}

function kindAfter(step: PipelineStep, facts: Facts): Facts {
  return step.type === 'replace_regex' ? { ...facts, kind: 'text' } : stepFacts(facts, step)
}

function stepOf(step: PipelineStep, facts: Facts, asked: string): Change {
  switch (step.type) {
    case 'trim':
      return trim
    case 'replace':
      return (text) => step.pairs.reduce((changed, [from, to]) => changed.replaceAll(from, () => to), text)
    case 'replace_regex': {
      const patterns = step.patterns.map(
        ({ pattern, flags, by }) => [new RegExp(pattern, `${flags}gu`), by] as const,
      )
      return (text) => patterns.reduce((changed, [pattern, by]) => changed.replace(pattern, by), text)
    }
    case 'map':
      return mapOf(step, mapSubject(facts).kind, asked)
    case 'cast': {
      const why = doesNotFit(step.to, asked)
      return (text) => castText(text, facts.kind, step.to) ?? new Unfit(text, why)
    }
    case 'mask':
      return (text) => mask(text, step)
    case 'hash':
      return (text) => hashOf(Buffer.from(text), step.salt)
    case 'default':
      return (text) => text
    default:
      return step satisfies never
  }
}

/** Without a search from each space to the end of its run. */
function trim(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && text[start] === ' ') start++
  while (end > start && text[end - 1] === ' ') end--
  return text.slice(start, end)
}

function mapOf({ pairs, unmapped }: Step & { type: 'map' }, kind: ColumnKind, asked: string): Change {
  const named = kind === 'text' ? (text: string) => text : sameNumber
  const values = new Map(pairs.map(([from, to]) => [named(from), to]))
  return (text) => {
    const value = values.get(named(text))
    if (value !== undefined) return value
    if (unmapped === 'keep') return text
    return unmapped === 'error' ? new Unfit(text, notInMap(asked)) : unmapped.value
  }
}

/** Numbers are compared as numbers. */
function sameNumber(text: string): string {
  const number = exactNumber(text, false)
  return number === null ? text : numberText(number)
}

function mask(text: string, { first, last, with: by }: Step & { type: 'mask' }): string {
  const length = lengthOf(text)
  if (length <= first + last) return by.repeat(length)
  const characters = Array.from(text)
  const hidden = by.repeat(length - first - last)
  return characters.slice(0, first).join('') + hidden + characters.slice(length - last).join('')
}
