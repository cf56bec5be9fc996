/** About one write statement. */
export const BATCH_BYTES = 1 << 19
