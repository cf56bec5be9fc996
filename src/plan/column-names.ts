interface Named {
  readonly name: string
}

/** A column as users name it, in whatever case. Where others differ from it by case only, it is the one of exactly that name. */
export function columnNamed<Column extends Named>(
  columns: readonly Column[],
  name: string,
): Column | undefined {
  return columns.find((column) => column.name === name) ?? columns.find((column) => isAlike(column, name))
}

export function isAlike(column: Named, name: string): boolean {
  return column.name.toLowerCase() === name.toLowerCase()
}
