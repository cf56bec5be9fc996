/** What the writer wants to know again. */
export interface WriteFacts extends Record<string, unknown> {
  readonly mariadb: boolean
  readonly maxAllowedPacket: number
  /** The target can take back what a statement or a split has stored. */
  readonly transactional: boolean
  /** Before each statement, for one that stores rows and must be undone nevertheless. */
  readonly savepoints: boolean
  /** INSERT knows `AS alias`, and calls VALUES(column) deprecated. */
  readonly rowAlias: boolean
  /** Unique keys of the target, of any kind. */
  readonly uniqueKeys: number
  /** Rows go into a temporary table first, and from there into the target. */
  readonly staged: boolean
  /** Rows that are there are found without locks on the gaps between them, for which parallel threads would deadlock. */
  readonly readCommitted: boolean
}
