import type { Plugin } from '../../src/contract/plugin.js'
import { SqlReader } from '../../src/sql/reader.js'
import { SqlWriter } from '../../src/sql/writer.js'
import { connectionFromUrl, connectionSchema, describeConnection } from './connection.js'
import { sqliteSource } from './reader.js'
import { taskStore } from './task-store.js'
import { sqliteSink } from './writer.js'

const plugin: Plugin = {
  apiVersion: 1,
  capabilities: {
    writeModes: ['insert', 'ignore', 'replace', 'upsert'],
    writePaths: ['insert'],
    sql: true,
    inProcess: true,
  },
  label: 'SQLite',
  connectionSchema,
  connectionFromUrl,
  describeConnection,
  createReader: (endpoint) => new SqlReader(endpoint, sqliteSource),
  createWriter: (endpoint) => new SqlWriter(endpoint, sqliteSink(endpoint)),
  createTaskStore: taskStore,
}

export default plugin
