/** What a transform costs that does nothing. */
import type { Transform } from '../../src/contract/transform.js'

const identity: Transform = (row) => row
export default identity
