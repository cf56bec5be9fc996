import type { Plugin } from '../../src/contract/plugin.js'
import { SqlReader } from '../../src/sql/reader.js'
import { connectionFromUrl, connectionSchema, describeConnection } from './connection-fields.js'
import { postgresSource } from './read.js'

const plugin: Plugin = {
  apiVersion: 1,
  capabilities: { timeZones: true },
  label: 'PostgreSQL',
  connectionSchema,
  connectionFromUrl,
  describeConnection,
  createReader: (endpoint) => new SqlReader(endpoint, postgresSource()),
}

export default plugin
