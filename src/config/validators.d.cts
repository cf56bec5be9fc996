/** `scripts/compile-schemas.mjs` makes these of the schema files of `etc/`. */
import type { ValidateFunction } from 'ajv'

export const params: ValidateFunction
export const config: ValidateFunction
