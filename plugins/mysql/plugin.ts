import type { Plugin } from '../../src/contract/plugin.js'
import { SqlReader } from '../../src/sql/reader.js'
import { SqlWriter } from '../../src/sql/writer.js'
import { connectionFromUrl, connectionSchema, describeConnection } from './connection-fields.js'
import { mysqlSource } from './reader.js'
import { inspectServer } from './inspect.js'
import { taskStore } from './task-store.js'
import { mysqlSink } from './writer.js'

/** MySQL and MariaDB: one protocol, one plugin; where they differ, it asks the server. */
const plugin: Plugin = {
  apiVersion: 1,
  capabilities: {
    writeModes: ['insert', 'ignore', 'replace', 'upsert'],
    writePaths: ['load-data', 'insert', 'bulk'],
    inServer: true,
    sql: true,
    timeZones: true,
  },
  label: 'MySQL/MariaDB',
  connectionSchema,
  connectionFromUrl,
  describeConnection,
  createReader: (endpoint) => new SqlReader(endpoint, mysqlSource(endpoint)),
  createWriter: (endpoint) => new SqlWriter(endpoint, mysqlSink()),
  createTaskStore: taskStore,
  inspect: inspectServer,
}

export default plugin
