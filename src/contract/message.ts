/**
 * What a plugin tells the user about a table. A string is shown as it is. Otherwise `text` names its slots in braces:
 * `{table}` is the table's name, which the engine fills in, since shards and source tables that say the same are spoken of once, under the name of
 * the whole; every other slot is in `slots`. What fills a slot is never searched for slots, whatever it contains. Plain JSON.
 */
export type Message = string | Slotted

interface Slotted {
  readonly text: string
  readonly slots?: Readonly<Record<string, string>>
}

const SLOT = /\{(\w+)\}/g

/** The messages as they are shown about a table of this name, each once. */
export function fillTable(messages: readonly Message[], table: string): string[] {
  return [...new Set(messages.map((message) => fill(message, table)))]
}

/** The messages as they are, each once. */
export function distinctMessages(messages: readonly Message[]): Message[] {
  const all = new Map(messages.map((message) => [JSON.stringify(message), message]))
  return [...all.values()]
}

function fill(message: Message, table: string): string {
  if (typeof message === 'string') return message
  const slots: Readonly<Record<string, string>> = { ...message.slots, table }
  return message.text.replaceAll(SLOT, (slot, name: string) =>
    Object.hasOwn(slots, name) ? slots[name]! : slot,
  )
}
