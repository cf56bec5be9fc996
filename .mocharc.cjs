require('./scripts/newer-node.mjs')

module.exports = {
  require: ['./dist/test/support/root-hooks.js'],
  timeout: 120_000,
}
