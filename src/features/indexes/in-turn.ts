/** Runs the works of each chain one after another, and so many chains at the same time. The first failure is thrown when all that is under way has ended. */
export async function inTurn(
  chains: readonly (readonly (() => Promise<void>)[])[],
  atOnce: number,
): Promise<void> {
  const waiting = [...chains]
  const failures: unknown[] = []
  const run = async () => {
    for (let chain = waiting.shift(); chain; chain = waiting.shift()) {
      for (const work of chain) {
        if (failures.length > 0) return
        await work().catch((error: unknown) => failures.push(error))
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, run))
  if (failures.length > 0) throw failures[0]
}
