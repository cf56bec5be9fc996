import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { RunPlan } from '../../src/contract/run-plan.js'
import { TransformWatch } from '../../src/features/transform/watch.js'

describe('what is said of threads that died in a function', () => {
  it('is the same for all jobs of a thread, when another died at the same moment', () => {
    const pipeline = { transform: { module: 'm.js', timeout: 60 } }
    const watch = new TransformWatch({
      plan: { pipeline } as unknown as RunPlan,
      isAlive: () => false,
      onOverdue: () => {},
    })
    watch.add(1, new SharedArrayBuffer(1024))
    watch.add(2, new SharedArrayBuffer(1024))
    watch.close()
    const [first, second] = [new Error('first'), new Error('second')]
    const blamed = [first, first, second, second].map((death) => watch.attribute(death))
    expect(blamed[1]).to.equal(blamed[0])
    expect(blamed[3]).to.equal(blamed[2])
    expect(blamed[0]!.message).to.include('m.js ended: first')
    expect(blamed[2]!.message).to.include('m.js ended: second')
  })
})
