#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { redact, RowshiftError } from '../contract/errors.js'
import { rowshiftVersion } from '../version.js'
import { log, logLevels, setLogLevel } from '../log.js'
import { withArgumentsOnStdin } from './arguments-on-stdin.js'
import { surviveBrokenOutput } from './broken-output.js'
import type { RunOptions } from './options.js'
import { schemaOptions, selectionOptions } from './database-options.js'
import { serveOptions, taskOptions } from './task-options.js'
import {
  benchOptions,
  configOptions,
  fromTargetOption,
  hostOptions,
  idArgument,
  idAsOption,
  modeOptions,
  optionalIdArgument,
  reportOptions,
  RESTART_OPTION,
  retryOption,
  runOptions,
  tablesOptions,
  throttleOptions,
  verifyOptions,
  watermarkOptions,
  wholeAboveZero,
} from './options.js'
import { completionCommand, shells } from './completion.js'
import { examplesFor } from './examples.js'
import { print, printError, setQuiet } from './output.js'
import {
  helpWidth,
  refuseOddSwitches,
  refuseRepeated,
  spelledOut,
  unusable,
  type YargsOptions,
  type YargsUsage,
} from './usage-errors.js'
import { connectOption, workerOptions } from './worker-options.js'

const NAME_A_TASK = 'Name a task, or --all for all that are online: "rowshift run 5".'

function refuseWithAll(id: number | undefined, { since, until, retry, where }: RunOptions): void {
  if (id !== undefined) throw new RowshiftError('USAGE', NAME_A_TASK)
  if (since !== undefined || until !== undefined)
    throw new RowshiftError(
      'USAGE',
      '--since and --until are about the column of one task: "rowshift run 5 --since …".',
    )
  if (where !== undefined)
    throw new RowshiftError('USAGE', '--where goes with one task: "rowshift run 5 --where …".')
  if (retry !== undefined)
    throw new RowshiftError('USAGE', '--retry goes with one task: "rowshift run 5 --retry FILE".')
}

/** Runs one command line; resolves to the exit code. Of the commands, it loads the one that runs. */
async function main(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const run = (command: Promise<number>) => command.then((code) => void (exitCode = code))
  const parser = yargs(args)
  await parser
    .scriptName('rowshift')
    .usage('$0 <command>\n\nCopies database tables, fast and exactly.')
    .option('json', { type: 'boolean', default: false, describe: 'Print the result as JSON' })
    .option('log-level', {
      choices: logLevels,
      default: 'error' as const,
      describe: 'Diagnostics on stderr, as JSON lines',
    })
    .option('verbose', { alias: 'v', type: 'count', describe: 'The same: -v for info, -vv for debug' })
    .option('quiet', {
      alias: 'q',
      type: 'boolean',
      default: false,
      describe: 'Errors only: no plan, progress, notices or summary',
    })
    .middleware((options) => {
      refuseRepeated(options)
      refuseOddSwitches(args, (parser as unknown as YargsOptions).getOptions().boolean)
      setQuiet(options.quiet)
      setLogLevel(options.verbose === 0 ? options.logLevel : options.verbose === 1 ? 'info' : 'debug')
    }, true)
    .command(
      'copy',
      'Copy a table, or all tables of a database; no task table needed',
      (y) =>
        hostOptions(
          schemaOptions(selectionOptions(tablesOptions(retryOption(fromTargetOption(reportOptions(y)))))),
        )
          .option('create', {
            type: 'boolean',
            default: false,
            describe: "Make the target table like the source's if it is missing",
          })
          .option('dry-run', { type: 'boolean', default: false, describe: 'Show the plan; write nothing' })
          .option('restart', RESTART_OPTION),
      (options) => run(import('./copy.js').then(({ copyCommand }) => copyCommand(options))),
    )
    .command(
      'run [id]',
      'Run a task of the task table, or all that are online',
      (y) =>
        optionalIdArgument(runOptions(y))
          .option('all', { type: 'boolean', default: false, describe: 'Run every online task' })
          .option('parallel', {
            type: 'number',
            describe: 'With --all: how many at the same time (1)',
            coerce: wholeAboveZero('--parallel'),
          }),
      ({ id, all, parallel, ...options }) => {
        if (all) {
          refuseWithAll(id, options)
          return run(
            import('./run-all.js').then(({ runAllCommand }) =>
              runAllCommand({ ...options, parallel: parallel ?? 1 }),
            ),
          )
        }
        if (id === undefined) throw new RowshiftError('USAGE', NAME_A_TASK)
        if (parallel !== undefined) throw new RowshiftError('USAGE', '--parallel goes with --all only.')
        return run(import('./run.js').then(({ runCommand }) => runCommand(id, options)))
      },
    )
    .command(
      'resume <run>',
      'Go on with a run that ended early: its id, or "latest"',
      (y) =>
        hostOptions(tablesOptions(reportOptions(configOptions(y)))).positional('run', {
          type: 'string',
          demandOption: true,
          describe: 'Id of the run, or latest',
        }),
      (options) => run(import('./resume.js').then(({ resumeCommand }) => resumeCommand(options))),
    )
    .command(
      'throttle <run>',
      'Change how fast a run on this machine may go while it is under way: its id, or "latest"',
      (y) => throttleOptions(y),
      (options) => run(import('./throttle-run.js').then(({ throttleCommand }) => throttleCommand(options))),
    )
    .command(
      'plan <id>',
      'Show what a run would do, and why; write nothing',
      (y) => modeOptions(configOptions(idArgument(y))),
      (options) => run(import('./copy.js').then(({ planCommand }) => planCommand(options))),
    )
    .command(
      'verify [id]',
      'Compare source and target row by row; exit 4 when they differ',
      (y) => selectionOptions(hostOptions(verifyOptions(reportOptions(configOptions(y))))),
      (options) => run(import('./verify.js').then(({ verifyCommand }) => verifyCommand(options))),
    )
    .command(
      'worker',
      'Do the work of runs that begin elsewhere with --workers, until it is stopped',
      (y) => workerOptions(y),
      (options) => run(import('./worker.js').then(({ workerCommand }) => workerCommand(options))),
    )
    .command(
      'hosts',
      'Show the workers that are connected, and what they do',
      (y) => connectOption(y),
      (options) => run(import('./hosts.js').then(({ hostsCommand }) => hostsCommand(options))),
    )
    .command(
      'task <action> [id]',
      'Add, edit, enable, disable, clone or remove a task',
      (y) =>
        taskOptions(optionalIdArgument(configOptions(y))).positional('action', {
          choices: ['add', 'edit', 'enable', 'disable', 'clone', 'remove'] as const,
          demandOption: true,
          describe: 'What to do',
        }),
      (options) => run(import('./task.js').then(({ taskCommand }) => taskCommand(options))),
    )
    .command(
      'check <url>',
      'Look at a database: access, settings that matter, speed of the line',
      (y) =>
        y.positional('url', {
          type: 'string',
          demandOption: true,
          describe: 'type://user:password@host:port/db[?table=name]',
        }),
      (options) => run(import('./check.js').then(({ checkCommand }) => checkCommand(options))),
    )
    .command(
      'list',
      'List the tasks',
      (y) => configOptions(y),
      (options) => run(import('./tasks.js').then(({ listCommand }) => listCommand(options))),
    )
    .command(
      'show <id>',
      'Show a task',
      (y) => configOptions(idArgument(y)),
      (options) => run(import('./tasks.js').then(({ showCommand }) => showCommand(options))),
    )
    .command(
      'history [id]',
      'List past runs, newest first',
      (y) =>
        optionalIdArgument(configOptions(y)).option('limit', {
          type: 'number',
          default: 20,
          describe: 'Most runs to list',
          coerce: wholeAboveZero('--limit'),
        }),
      (options) => run(import('./tasks.js').then(({ historyCommand }) => historyCommand(options))),
    )
    .command(
      'watermark <id>',
      'Show where the next incremental run of a task begins, or move it',
      (y) => watermarkOptions(configOptions(idArgument(y))),
      (options) => run(import('./watermark.js').then(({ watermarkCommand }) => watermarkCommand(options))),
    )
    .command(
      'serve',
      'Open the console: tasks and runs in the browser, HTTP API, metrics, schedules',
      (y) => serveOptions(configOptions(y)),
      (options) => run(import('./serve.js').then(({ serveCommand }) => serveCommand(options))),
    )
    .command(
      'bench',
      'Measure which params copy your own table fastest, into a table that is dropped again',
      (y) => benchOptions(y),
      (options) => run(import('./bench.js').then(({ benchCommand }) => benchCommand(options))),
    )
    .command(
      'init',
      'Create the task tables',
      (y) => configOptions(y),
      (options) => run(import('./tasks.js').then(({ initCommand }) => initCommand(options))),
    )
    .command(
      'demo',
      'Copy 300,000 rows between two embedded databases',
      (y) =>
        y.option('folder', { type: 'string', default: 'rowshift-demo', describe: 'Where to put the files' }),
      (options) => run(import('./demo.js').then(({ demoCommand }) => demoCommand(options.folder, main))),
    )
    .command(
      'completion <shell>',
      'Print the script that makes a shell complete commands and options',
      (y) =>
        y.positional('shell', {
          choices: shells,
          demandOption: true,
          describe: 'Of which shell',
        }),
      ({ shell }) => run(completionCommand(shell)),
    )
    .command('help [command]', 'Show what a command can do, with examples')
    .command(
      '$0',
      false,
      (y) => idAsOption(runOptions(y)),
      ({ id, ...options }) => {
        if (id === undefined)
          throw new RowshiftError('USAGE', 'Name a command; "rowshift --help" lists them.')
        return run(import('./run.js').then(({ runCommand }) => runCommand(id, options)))
      },
    )
    .strict()
    .version(rowshiftVersion())
    .alias('help', 'h')
    .wrap(helpWidth(args))
    .exitProcess(false)
    .fail((message: string | null, error: unknown, usage: unknown) => {
      // What the parser throws itself has a message, but none of ours.
      const parsing = error instanceof Error && error.name === 'YError' ? error.message : null
      if (error && parsing === null) throw error
      throw unusable(parsing ?? message ?? '', usage as YargsUsage, args)
    })
    .parseAsync()
  const examples = examplesFor(args)
  if (helpWidth(args) !== null && examples !== '') print(`\n${examples}`)
  return exitCode
}

surviveBrokenOutput()
// The command line may hold a password; everyone on the machine can read a process's title.
process.title = 'rowshift'
try {
  process.exitCode = await main(spelledOut(await withArgumentsOnStdin(hideBin(process.argv))))
} catch (thrown) {
  const error = RowshiftError.from(thrown)
  if (error.code === 'INTERNAL')
    log.error(redact(String(error.cause instanceof Error ? error.cause.stack : error)))
  printError(error)
  process.exitCode = error.exitCode
}
