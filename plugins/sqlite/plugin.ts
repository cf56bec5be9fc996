import type { Plugin } from '../../src/contract/plugin.js'
import { connectionFromUrl, connectionSchema, describeConnection } from './connection.js'
import { SqliteReader } from './reader.js'
import { SqliteTaskStore } from './task-store.js'
import { SqliteWriter } from './writer.js'

const plugin: Plugin = {
  label: 'SQLite',
  connectionSchema,
  connectionFromUrl,
  describeConnection,
  createReader: (endpoint) => new SqliteReader(endpoint),
  createWriter: (endpoint) => new SqliteWriter(endpoint),
  createTaskStore: (connection) => new SqliteTaskStore(connection),
}

export default plugin
