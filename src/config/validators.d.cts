/** `scripts/compile-schemas.mjs` makes these of the schema files of `etc/`, and of the schemas of plugins. */
import type { ValidateFunction } from 'ajv'

export const params: ValidateFunction
export const config: ValidateFunction
/** Of the connections of each plugin that comes with rowshift, by its type. */
export const connections: Readonly<Record<string, ValidateFunction>>
