// Makes functions of the schemas of etc/ and of the connections of our plugins: compiling them at the start of every run would take 0.1 s of CPU.
import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import { builtin } from '../dist/plugins/builtin.js'

const files = { params: 'params.schema.json', config: 'db-config.schema.json' }

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strictRequired: false, code: { source: true } })
const names = {}
for (const [name, file] of Object.entries(files)) {
  ajv.addSchema(JSON.parse(readFileSync(`etc/${file}`, 'utf8')), name)
  names[name] = name
}
/** By the URLs of the plugins, some of which have several names. */
const compiled = new Map()
for (const url of new Set(Object.values(builtin))) {
  const { default: plugin } = await import(url)
  const name = `connection${compiled.size}`
  compiled.set(url, name)
  names[name] = name
  ajv.addSchema(plugin.connectionSchema, name)
}
const types = Object.entries(builtin).map(([type, url]) => `${type}: exports.${compiled.get(url)}`)
const code = `${standalone.default(ajv, names)}\nexports.connections = { ${types.join(', ')} };\n`
writeFileSync('dist/src/config/validators.cjs', code)
