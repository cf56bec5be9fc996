// Makes functions of the schemas of etc/: compiling them at the start of every run would take 0.07 s of CPU.
import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'

const schemas = { params: 'params.schema.json', config: 'db-config.schema.json' }

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strictRequired: false, code: { source: true } })
for (const [name, file] of Object.entries(schemas)) {
  ajv.addSchema(JSON.parse(readFileSync(`etc/${file}`, 'utf8')), name)
}
const names = Object.fromEntries(Object.keys(schemas).map((name) => [name, name]))
writeFileSync('dist/src/config/validators.cjs', standalone.default(ajv, names))
