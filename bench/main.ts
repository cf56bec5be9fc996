/**
 * One command for each question about speed:
 *
 *     npm run bench -- list
 *     npm run bench -- NAME [options]
 */
const questions: Readonly<Record<string, readonly [asks: string, load: () => Promise<unknown>]>> = {
  copy: ["a full copy beside the server's own INSERT … SELECT", () => import('./copy.js')],
  postgres: ['copies within PostgreSQL and between it and MariaDB', () => import('./postgres.js')],
  verify: ['what a comparison of both tables takes beside the copy', () => import('./verify.js')],
  mapping: ['what columns that the source computes cost', () => import('./mapping.js')],
  transform: [
    'what a JavaScript transform costs, and what threads gain by it',
    () => import('./transform.js'),
  ],
  checkpoints: ['what checkpoints cost', () => import('./checkpoints.js')],
  kills: ['whether a copy that is killed and resumed 30 times is exact', () => import('./kills.js')],
  soak: ['whether memory grows while one process copies for half an hour', () => import('./soak.js')],
  skew: ['how evenly threads are busy where keys are spread unevenly', () => import('./skew.js')],
  kernel: ['what the two copy loops of MySQL take for a row', () => import('./transcode.js')],
}

const [name = 'list'] = process.argv.splice(2, 1)
const question = questions[name]
if (question) await question[1]()
else {
  if (name !== 'list') console.error(`There is no benchmark "${name}"; these there are:`)
  for (const [known, [asks]] of Object.entries(questions)) console.log(`${known.padEnd(12)} ${asks}`)
  process.exitCode = name === 'list' ? 0 : 2
}
