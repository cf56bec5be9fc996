/** `1 row`, `2 rows`: how many of something a message speaks of. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`
}
