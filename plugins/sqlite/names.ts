/** A name as SQL. Backquotes and brackets would do as well, but only double quotes are standard. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
