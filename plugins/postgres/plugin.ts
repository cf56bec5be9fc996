import type { Plugin } from '../../src/contract/plugin.js'
import { SqlReader } from '../../src/sql/reader.js'
import { SqlWriter } from '../../src/sql/writer.js'
import { connectionFromUrl, connectionSchema, describeConnection } from './connection-fields.js'
import { inspectServer } from './inspect.js'
import { postgresSource } from './read.js'
import { taskStore } from './task-store.js'
import { postgresSink } from './writer.js'

const plugin: Plugin = {
  apiVersion: 1,
  capabilities: {
    writeModes: ['insert', 'ignore', 'replace', 'upsert'],
    writePaths: ['copy'],
    inServer: true,
    sql: true,
    timeZones: true,
    schemas: true,
  },
  label: 'PostgreSQL',
  connectionSchema,
  connectionFromUrl,
  describeConnection,
  createReader: (endpoint) => new SqlReader(endpoint, postgresSource()),
  createWriter: (endpoint) => new SqlWriter(endpoint, postgresSink()),
  createTaskStore: taskStore,
  inspect: inspectServer,
}

export default plugin
