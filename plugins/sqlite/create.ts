import { Database } from './driver.js'

/** An empty database for as long as `use` takes. */
export function inMemory<T>(use: (scratch: Database) => T): T {
  const scratch = new Database(':memory:')
  try {
    return use(scratch)
  } finally {
    scratch.close()
  }
}
