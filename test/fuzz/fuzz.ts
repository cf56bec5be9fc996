/**
 * Calls whatever takes input from outside with inputs that nobody would write, in this process, and says what must not happen:
 * an error that is not the user's, a prototype that is changed, an input that takes seconds.
 */
import { RowshiftError } from '../../src/contract/errors.js'
import { Random } from './random.js'
import type { Target } from './targets.js'

/** Of CPU. Beyond this, time does not grow with the input alone, or its size should have been refused. */
const MOST_MS = 4_000

export interface Finding {
  /** Makes the same input again. */
  readonly seed: number
  readonly target: string
  readonly what: string
}

/** The input of this number, whatever came before it. */
export async function tryInput(all: readonly Target[], seed: number): Promise<Finding | null> {
  const random = new Random(seed)
  const { name, call } = chosen(all, random)
  const shapes = prototypes()
  const before = process.cpuUsage()
  const found = (what: string) => ({ seed, target: name, what })
  try {
    await call(random)
  } catch (thrown) {
    const { code, message, cause } = RowshiftError.from(thrown)
    if (code === 'INTERNAL') return found(`${message}\n${cause instanceof Error ? cause.stack : ''}`)
  }
  const { user, system } = process.cpuUsage(before)
  const milliseconds = (user + system) / 1000
  if (prototypes() !== shapes) return found('a prototype was changed')
  return milliseconds > MOST_MS ? found(`took ${Math.round(milliseconds)} ms`) : null
}

function chosen(all: readonly Target[], random: Random): Target {
  let rest = random.below(all.reduce((sum, { weight }) => sum + weight, 0))
  return all.find(({ weight }) => (rest -= weight) < 0)!
}

function prototypes(): string {
  const all = [Object, Array, Function, String, Number].map(({ prototype }) => prototype as object)
  return all.map((each) => Reflect.ownKeys(each).length).join()
}
