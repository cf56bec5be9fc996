import type { Plugin } from '../../src/contract/plugin.js'
import { connectionFromUrl, connectionSchema, defaultTable, describeConnection } from './connection.js'
import { FileReader } from './reader.js'

/** Files of rows in the wire format, to be read only: what a run keeps of the rows that a target refused. */
const plugin: Plugin = {
  apiVersion: 1,
  capabilities: {},
  label: 'row file',
  connectionSchema,
  connectionFromUrl,
  defaultTable,
  describeConnection,
  createReader: (endpoint) => new FileReader(endpoint),
}

export default plugin
