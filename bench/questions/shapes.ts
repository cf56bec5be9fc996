import type { Question } from '../question.js'
import { question as copy } from './copy.js'

/** The same question about other tables. */
export const question: Question = {
  asks: 'The same of narrow, wide and BLOB-heavy tables, with secondary indexes and without',
  options: { ...copy.options, servers: 'two', table: 'narrow,wide,blob', indexes: 'with,without' },
  quick: { rows: '200000', rounds: '1', workers: '2', indexes: 'with' },
  answer: copy.answer,
}
