import { ExitCode } from '../contract/errors.js'
import { print } from './output.js'

/** What the embedded database's demo module offers; reached by URL like every plugin. */
interface DemoModule {
  /** Writes databases with rows to copy, an empty target and a configuration into the folder. */
  readonly createDemo: (folder: string) => Promise<{ readonly rows: number; readonly configFolder: string }>
  /** Adds the task; returns the SQL that did it. */
  readonly addTask: (folder: string) => Promise<string>
}

/** `rowshift demo`: the path that a user takes, with everything set up. `main` runs a command line. */
export async function demoCommand(
  folder: string,
  main: (args: readonly string[]) => Promise<number>,
): Promise<number> {
  const { demo } = (await import(new URL('../../plugins/builtin.js', import.meta.url).href)) as {
    demo: string
  }
  const { createDemo, addTask } = (await import(demo)) as DemoModule
  const { rows, configFolder } = await createDemo(folder)
  print(
    `Made ${folder}/shop.db with ${rows.toLocaleString('en-US')} orders, an empty ${folder}/warehouse.db and ${configFolder}/*.json.\n`,
  )
  const config = ['-c', configFolder]
  await step(main, ['init', ...config])
  print(`A task is a row of that table:\n\n${await addTask(folder)}\n`)
  const code = await step(main, ['run', '1', ...config])
  if (code !== ExitCode.success) return code
  await step(main, ['history', ...config])
  print(NEXT)
  return code
}

async function step(
  main: (args: readonly string[]) => Promise<number>,
  args: readonly string[],
): Promise<number> {
  print(`$ rowshift ${args.join(' ')}`)
  const code = await main(args)
  print('')
  return code
}

const NEXT = `What happened: the main thread divided the table by its key into splits; four worker threads, each with a
connection of its own to both databases, copied them, one transaction per split, and counted what they wrote.

To go on with MySQL or MariaDB (--create makes the target table if it is missing):

  $ rowshift copy --from 'mysql://user:\${MY_PASSWORD}@127.0.0.1:3306/shop?table=orders' \\
                  --to   'mysql://user:\${MY_PASSWORD}@127.0.0.1:3306/shop?table=orders_copy' --create

Add --dry-run to see first what would happen, and why. The README says the rest.`
