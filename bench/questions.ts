/** Every question; `all` asks them in this order, as long as there is time. */
import type { Question } from './question.js'
import { question as checkpoints } from './questions/checkpoints.js'
import { question as copy } from './questions/copy.js'
import { question as databases } from './questions/databases.js'
import { question as grid } from './questions/grid.js'
import { question as hosts } from './questions/hosts.js'
import { question as kernel } from './questions/kernel.js'
import { question as kills } from './questions/kills.js'
import { question as latency } from './questions/latency.js'
import { question as mapping } from './questions/mapping.js'
import { question as memory } from './questions/memory.js'
import { question as modes } from './questions/modes.js'
import { question as postgres } from './questions/postgres.js'
import { question as shapes } from './questions/shapes.js'
import { question as skew } from './questions/skew.js'
import { question as soak } from './questions/soak.js'
import { question as splits } from './questions/splits.js'
import { question as start } from './questions/start.js'
import { question as transform } from './questions/transform.js'
import { question as verify } from './questions/verify.js'
import { question as watched } from './questions/watched.js'

export const questions: Readonly<Record<string, Question>> = {
  copy,
  start,
  shapes,
  splits,
  latency,
  modes,
  verify,
  memory,
  postgres,
  transform,
  mapping,
  checkpoints,
  skew,
  hosts,
  watched,
  databases,
  kernel,
  grid,
  kills,
  soak,
}
