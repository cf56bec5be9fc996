// A stored task without a task store: its runs, one after another, and what is remembered between them.
import { expect } from 'chai'
import { fromUrl } from '../../src/config/config.js'
import { runCopy } from '../../src/engine/job.js'
import { newRunId } from '../../src/engine/report.js'
import type { RunReport } from '../../src/index.js'
import { readParams } from '../../src/task/params.js'

export class StoredTask {
  readonly #from: string
  readonly #to: string
  readonly #params: object
  watermarks: Readonly<Record<string, string>> = {}

  constructor(from: string, to: string, params: object) {
    this.#from = from
    this.#to = to
    this.#params = params
  }

  async run(): Promise<RunReport> {
    const report = await this.attempt()
    expect(report.error, JSON.stringify(report.error)).to.equal(null)
    this.watermarks = { ...this.watermarks, ...report.watermarks }
    return report
  }

  async attempt(): Promise<RunReport> {
    return runCopy(
      {
        runId: newRunId(),
        taskId: 1,
        from: await fromUrl(this.#from, '--from'),
        to: await fromUrl(this.#to, '--to'),
        params: readParams(this.#params),
        past: { watermarks: this.watermarks, fromTarget: false },
      },
      { signal: new AbortController().signal, onPlan: () => {}, onProgress: () => {} },
    )
  }
}
