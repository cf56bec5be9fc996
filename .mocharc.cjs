require('./scripts/newer-node.mjs')

module.exports = {
  require: ['./dist/test/support/root-hooks.js'],
  timeout: 120_000,
  // A busy machine may fail a test that has nothing wrong. CI names each that needed its second attempt.
  retries: process.env.CI ? 1 : 0,
  // A connection that a failed test has left open must not keep the whole run from ending.
  exit: true,
}
