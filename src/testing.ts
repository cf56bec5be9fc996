/**
 * Conformance suites for plugins, for any runner that has `describe` and `it` (mocha, node:test and others):
 *
 * ```ts
 * import { describeSource, describeSink } from 'rowshift/testing'
 * import plugin from '../index.js'
 *
 * describeSource('CSV folder', { plugin, kinds: ['text'], keys: false, make: async (table) => … })
 * ```
 *
 * They call the plugin as the engine does and check what `rowshift/plugin` asks of it. What it must be compared with, they get from
 * the functions that you give: these reach the database by other means than the plugin. See docs/plugins.md.
 */
export type { Runner } from './testing/runner.js'
export { describeSink } from './testing/sink.js'
export type { SinkSuite } from './testing/writing.js'
export type { SourceSuite } from './testing/reading.js'
export { describeSource } from './testing/source.js'
export type { WantedColumn, WantedTable } from './testing/tables.js'
export { describeTaskStore, type TaskStoreSuite } from './testing/task-store-suite.js'
export { type CellValue, values } from './testing/values.js'
