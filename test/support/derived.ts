// Sources that compute columns: both servers and SQLite, each with a source and a target table.
import { servers } from './context.js'
import { Place, scratchFile } from './copying.js'
import { Database } from './database.js'
import { copyInThisThread, type EngineResult } from './engine.js'

export interface DerivingPlace {
  readonly label: string
  /** URL of a table. */
  url(table: string): string
  /** Runs statements; the rows of the last one, values as text. */
  query(sql: string): Promise<(string | null)[][]>
}

/** A place on each database, in which `sql` has been run. */
export async function derivingPlaces(sql: string): Promise<DerivingPlace[]> {
  const places: DerivingPlace[] = []
  for (const server of servers()) {
    const place = await Place.create(server, `SET time_zone = '+00:00'; ${sql}`)
    places.push({
      label: server.kind,
      url: (table) => place.url(table),
      query: (text) => place.query(text),
    })
  }
  return [...places, sqlitePlace(sql)]
}

function sqlitePlace(sql: string): DerivingPlace {
  const file = scratchFile('db')
  const run = (text: string) => {
    const database = new Database(file)
    try {
      const statements = text.split(';').filter((one) => one.trim() !== '')
      const last = statements.pop()!
      database.exec(statements.join(';'))
      const rows = database.rows(last, { exact: true }) as (bigint | number | string | null)[][]
      return rows.map((row) => row.map((cell) => (cell === null ? null : String(cell))))
    } finally {
      database.close()
    }
  }
  run(sql)
  return {
    label: 'sqlite',
    url: (table) => `sqlite:${file}?table=${table}`,
    query: async (text) => run(text),
  }
}

export function derive(place: DerivingPlace, params: object): Promise<EngineResult> {
  return copyInThisThread(place.url('src'), place.url('dst'), params)
}
