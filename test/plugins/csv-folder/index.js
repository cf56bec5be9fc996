// A plugin of a third party, in a package of its own: what it imports of rowshift is rowshift/plugin alone.
import { connectionFromUrl, connectionSchema } from './connection.js'
import { CsvReader } from './reader.js'
import { CsvWriter } from './writer.js'

/** @import { Plugin } from 'rowshift/plugin' */

/** @type {Plugin} */
const plugin = {
  apiVersion: 1,
  capabilities: { writePaths: ['append', 'swap'], schemas: true },
  label: 'CSV folder',
  connectionSchema,
  connectionFromUrl,
  describeConnection: ({ path }) => `csv-folder:${path}`,
  createReader: ({ connection }) => new CsvReader(connection),
  createWriter: ({ connection }) => new CsvWriter(connection),
}

export default plugin
