// A stored task without a task store: its runs, one after another, and what is remembered between them.
import { expect } from 'chai'
import { withSubject, withSubjects } from '../../src/engine/watermark-subject.js'
import { fromUrl } from '../../src/config/config.js'
import { runCopy } from '../../src/engine/job.js'
import { newRunId } from '../../src/engine/report.js'
import type { RunReport } from '../../src/index.js'
import type { Task } from '../../src/contract/plugin.js'
import type { Mode } from '../../src/contract/run-plan.js'
import type { Params } from '../../src/task/params.js'
import { readParams } from '../../src/task/params.js'

const TASK = { id: 1 } as Task

export class StoredTask {
  readonly #from: string
  readonly #to: string
  readonly #params: Params
  watermarks: Readonly<Record<string, string>> = {}
  /** What the watermarks are about. */
  #subjects: Readonly<Record<string, string>> = {}

  constructor(from: string, to: string, params: object) {
    this.#from = from
    this.#to = to
    this.#params = readParams(params)
  }

  async run(mode?: Mode): Promise<RunReport> {
    const report = await this.attempt(mode)
    expect(report.error, JSON.stringify(report.error)).to.equal(null)
    this.watermarks = { ...this.watermarks, ...report.watermarks }
    this.#subjects = { ...this.#subjects, ...withSubjects(report, TASK, this.#params) }
    return report
  }

  async attempt(mode = this.#params.mode): Promise<RunReport> {
    const params = { ...this.#params, mode }
    const watermarks = { ...this.#subjects, ...this.watermarks }
    const request = {
      runId: newRunId(),
      taskId: TASK.id,
      from: await fromUrl(this.#from, '--from'),
      to: await fromUrl(this.#to, '--to'),
      params,
      savedWatermarks: {
        watermarks,
        fromTarget: false,
        task: { task: TASK.id, saved: watermarks[mode] ?? '' },
      },
    }
    return runCopy(withSubject(request, TASK), {
      signal: new AbortController().signal,
      onPlan: () => {},
      onProgress: () => {},
    })
  }
}
