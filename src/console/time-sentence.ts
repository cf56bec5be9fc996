import type { RunReport } from '../contract/task-store.js'
import type { Language } from './words.js'

/** Where the time of a run went, in one sentence. */
export function timeSentence(
  { busySeconds = [], seconds = 0, writePath }: Partial<RunReport>,
  language: Language,
): string {
  const threads = busySeconds.length
  if (threads === 0 || seconds === 0)
    return language === 'zh' ? '没有工作线程的时间记录。' : 'No worker thread has kept its time.'
  const busy = busySeconds.reduce((sum, some) => sum + some, 0)
  const share = Math.round((100 * busy) / (threads * seconds))
  const rest = 100 - Math.min(100, share)
  const path = writePath ?? '-'
  return language === 'zh'
    ? `${threads} 个线程有 ${share}% 的时间在复制切片（${path}），其余 ${rest}% 用于连接、计划和等待。`
    : `${threads} threads had a split in hand for ${share} % of the time (write path ${path}); the other ${rest} % went into connecting, planning and waiting.`
}
