import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, it } from 'mocha'
import mysql from '../../plugins/mysql/plugin.js'
import sqlite from '../../plugins/sqlite/plugin.js'

describe('JSON Schemas', () => {
  const schemas = new Map<string, object>([
    ['mysql connection', mysql.connectionSchema],
    ['sqlite connection', sqlite.connectionSchema],
  ])
  for (const file of ['params.schema.json', 'db-config.schema.json']) {
    schemas.set(
      file,
      JSON.parse(readFileSync(new URL(`../../../etc/${file}`, import.meta.url), 'utf8')) as object,
    )
  }
  for (const [name, schema] of schemas) {
    it(`${name} is valid and strict`, () => {
      new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema)
    })
  }
})
