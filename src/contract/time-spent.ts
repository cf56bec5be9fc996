/** What the threads of a copy do with their time. */

/** `committing`: with the checkpoint of the split. `inServer`: a statement moves rows from table to table, so reading and writing are one. */
export const phases = ['reading', 'transforming', 'writing', 'committing', 'inServer'] as const
export type Phase = (typeof phases)[number]

/** Seconds, added up over all threads. A thread reads its next split while it writes one, so two phases may go on in it at a time. */
export interface PhaseTime {
  readonly seconds: number
  /** Those of them in which the thread was in no other phase. */
  readonly alone: number
}

/** Seconds, added up over all threads. What each phase takes is mostly waiting: for an answer, or for the network. */
export interface TimeSpent {
  /** In which a thread had a split in hand. */
  readonly inHand: number
  /**
   * Those of them in which a thread did work of its own, whatever for; the rest of them it waited. null: a database works inside the
   * threads, so its work cannot be told from theirs.
   */
  readonly computing: number | null
  readonly phases: Readonly<Record<Phase, PhaseTime>>
}

const nothing: PhaseTime = { seconds: 0, alone: 0 }

export const noTime: TimeSpent = {
  inHand: 0,
  computing: 0,
  phases: byPhase(() => nothing),
}

export function addTimes(a: TimeSpent, b: TimeSpent): TimeSpent {
  return {
    inHand: a.inHand + b.inHand,
    computing: a.computing === null || b.computing === null ? null : a.computing + b.computing,
    phases: byPhase((phase) => ({
      seconds: a.phases[phase].seconds + b.phases[phase].seconds,
      alone: a.phases[phase].alone + b.phases[phase].alone,
    })),
  }
}

export function byPhase<T>(of: (phase: Phase) => T): Record<Phase, T> {
  return Object.fromEntries(phases.map((phase) => [phase, of(phase)])) as Record<Phase, T>
}

/** To milliseconds, for reports. */
export function roundedTimes({ inHand, computing, phases: spent }: TimeSpent): TimeSpent {
  return {
    inHand: thousandths(inHand),
    computing: computing === null ? null : thousandths(computing),
    phases: byPhase((phase) => ({
      seconds: thousandths(spent[phase].seconds),
      alone: thousandths(spent[phase].alone),
    })),
  }
}

function thousandths(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
