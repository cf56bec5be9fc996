/** Where the time of a run went, in one sentence, in English and Chinese. */
import type { Phase, TimeSpent } from '../contract/time-spent.js'
import { phases } from '../contract/time-spent.js'

/** What keeps a run from going faster. */
export type Bottleneck =
  | 'source'
  | 'target'
  | 'transform'
  | 'server'
  /** The threads compute all the time. */
  | 'threads'
  /** Source and target keep each other waiting alike. */
  | 'none'
  /** Most of the time, no thread has a split in hand. */
  | 'else'

export interface TimeFacts {
  /** Of the run. */
  readonly seconds: number
  readonly threads: number
  /** undefined: nobody has looked. */
  readonly timeSpent: TimeSpent | undefined
}

type Language = 'en' | 'zh'

/** Shares of the time that threads had splits in hand. */
const LONG = 0.1
const MOST = 0.8
/** Of the time of all threads, for as long as the run took. */
const FEW = 1 / 3

export function bottleneckOf({ seconds, threads, timeSpent }: TimeFacts): Bottleneck | null {
  if (timeSpent === undefined || timeSpent.inHand === 0) return null
  const { inHand, computing, phases: spent } = timeSpent
  if (inHand < FEW * threads * seconds) return 'else'
  const alone = (phase: Phase) => spent[phase].alone / inHand
  if (spent.inServer.seconds > inHand / 2) return 'server'
  const [source, transform] = [alone('reading'), alone('transforming')]
  const target = alone('writing') + alone('committing') + alone('inServer')
  if (transform >= LONG && transform >= Math.max(source, target)) return 'transform'
  if (computing !== null && computing >= MOST * inHand) return 'threads'
  if (source >= LONG && source >= 2 * target) return 'source'
  return target >= LONG && target >= 2 * source ? 'target' : 'none'
}

export function timeSentence(facts: TimeFacts, language: Language): string {
  const { seconds, threads, timeSpent } = facts
  const limit = bottleneckOf(facts)
  const { limits, of, parts, alone, computed, inside, rest, nothing } = WORDS[language]
  if (limit === null || timeSpent === undefined) return nothing
  const { inHand, computing, phases: spent } = timeSpent
  const percent = (some: number) => `${Math.round((100 * some) / inHand)} %`
  const taken = phases
    .filter((phase) => spent[phase].seconds >= inHand / 200)
    .map((phase) => parts[phase](percent(spent[phase].seconds)))
  const target = spent.writing.alone + spent.committing.alone
  const [between, list] = language === 'zh' ? (['；', '，'] as const) : (['; ', ', '] as const)
  const head = `${limits[limit]}${language === 'zh' ? '：' : ': '}${of(threads)}${taken.join(list)}`
  const idle = Math.max(0, 100 - Math.round((100 * inHand) / Math.max(threads * seconds, inHand)))
  return `${[
    head,
    ...(spent.inServer.seconds > inHand / 2 ? [] : [alone(percent(spent.reading.alone), percent(target))]),
    computing === null ? inside : computed(percent(computing)),
    rest(idle),
  ].join(between)}${language === 'zh' ? '。' : '.'}`
}

const WORDS = {
  en: {
    of: (threads: number) => `of the time of ${threads} ${threads === 1 ? 'thread' : 'threads'}, `,
    limits: {
      source: 'The source is the limit',
      target: 'The target is the limit',
      transform: 'The transform is the limit',
      server: 'The server is the limit (it moves the rows, so reading and writing cannot be told apart)',
      threads: 'The threads are the limit, not the source or the target',
      none: 'The source and the target are about as fast as each other',
      else: 'Neither the source nor the target is the limit',
    } satisfies Record<Bottleneck, string>,
    parts: {
      reading: (share) => `${share} reading`,
      transforming: (share) => `${share} the transform`,
      writing: (share) => `${share} writing`,
      committing: (share) => `${share} waiting for commits`,
      inServer: (share) => `${share} copying inside the server`,
    } satisfies Record<Phase, (share: string) => string>,
    alone: (source: string, target: string) =>
      `reading and writing go on side by side, and ${source} was nothing but reading, ${target} nothing but writing and commits`,
    computed: (share: string) => `the threads themselves computed for ${share}`,
    inside: 'a database works inside the threads, so its work cannot be told from theirs',
    rest: (percent: number) =>
      `${percent} % of the run went into connecting, planning, and waiting for work or a limit of speed`,
    nothing: 'No worker thread has kept its time.',
  },
  zh: {
    of: (threads: number) => `${threads} 个线程的时间里，`,
    limits: {
      source: '瓶颈在来源端',
      target: '瓶颈在目标端',
      transform: '瓶颈在转换函数',
      server: '瓶颈在服务器（行在服务器内部移动，读取和写入无法区分）',
      threads: '瓶颈在工作线程，不在来源或目标',
      none: '来源和目标速度相当',
      else: '来源和目标都不是瓶颈',
    } satisfies Record<Bottleneck, string>,
    parts: {
      reading: (share) => `读取占 ${share}`,
      transforming: (share) => `转换占 ${share}`,
      writing: (share) => `写入占 ${share}`,
      committing: (share) => `等待提交占 ${share}`,
      inServer: (share) => `服务器内部复制占 ${share}`,
    } satisfies Record<Phase, (share: string) => string>,
    alone: (source: string, target: string) =>
      `读取与写入同时进行，其中仅读取占 ${source}，仅写入或提交占 ${target}`,
    computed: (share: string) => `线程自身计算占 ${share}`,
    inside: '数据库在线程内工作，它的工作与线程自身的工作无法区分',
    rest: (percent: number) => `运行时间的 ${percent} % 用于连接、计划以及等待工作或限速`,
    nothing: '没有工作线程的时间记录。',
  },
} as const
