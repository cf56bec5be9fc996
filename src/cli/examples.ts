/** What a command line is for, and the line. */
type Example = readonly [what: string, line: string]

const FROM = "--from 'mysql://me:${PW}@db1/shop?table=orders'"
const TO_DATABASE = "--to 'mysql://me:${PW}@db2/shop'"
const TO = "--to 'mysql://me:${PW}@db2/shop?table=orders'"

/** By command; `''`: of the program. */
const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  '': [
    ['See it work: 300,000 rows between two embedded databases', 'demo'],
    ['What a copy would do, and why', `copy ${FROM} ${TO} --dry-run`],
    ['Copy a table, which is made if it is missing', `copy ${FROM} ${TO} --create`],
    ['All that a command can do', 'help copy'],
  ],
  copy: [
    [
      'A table; variables in single quotes are read by rowshift, so that no password shows',
      `copy ${FROM} ${TO}`,
    ],
    ['A whole database', "copy --from 'mysql://db1/shop' --to 'mysql://db2/shop' --create --exclude '*_bak'"],
    ['With params', `copy ${FROM} ${TO} --param worker_num=8`],
  ],
  run: [
    ['One task', 'run 5'],
    ['Every online task, two at the same time', 'run --all --parallel 2'],
    ['The changes of a day again', 'run 5 --mode increment --since 2026-11-01 --until 2026-11-02'],
  ],
  resume: [['The last run of a task that ended early', 'resume latest']],
  verify: [
    ['Compare two tables: needs SELECT only', `verify ${FROM} ${TO}`],
    ['Write and delete just what differs', 'verify 5 --repair'],
  ],
  bench: [['A minute of measurements', `bench ${FROM} ${TO_DATABASE} --svg bench.svg`]],
  throttle: [['At most 500 rows per second', 'throttle latest --record 500']],
  watermark: [['Begin at another time', "watermark 5 --set '2026-11-01 00:00:00'"]],
  task: [
    ['Keep a copy as a task', 'task add --from TYPE:shop/main/orders --to TYPE:dw/main/orders --online'],
  ],
  check: [['Whether a database can be used, and what matters there', "check 'mysql://me:${PW}@db1/shop'"]],
  serve: [['The console on this machine', 'serve']],
  completion: [
    ['Install it for bash', 'completion bash > ~/.local/share/bash-completion/completions/rowshift'],
  ],
}

/** For the end of the help that a command line asks for, and the manual page that is made of it. */
export function examplesFor(args: readonly string[]): string {
  const examples = EXAMPLES[args.find((arg) => !arg.startsWith('-')) ?? ''] ?? []
  if (examples.length === 0) return ''
  return ['Examples:', ...examples.map(([what, line]) => `  # ${what}\n  rowshift ${line}`)].join('\n')
}
