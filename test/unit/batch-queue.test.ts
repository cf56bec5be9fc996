import { expect } from 'chai'
import { describe, it } from 'mocha'
import { BatchQueue } from '../../workers/batch-queue.js'

const batch = (bytes: number) => ({ bytes: Buffer.alloc(bytes), rows: 1 })
const settled = async (promise: Promise<unknown>) => {
  const later = new Promise((resolve) => setTimeout(resolve, 5, 'waiting'))
  return Promise.race([
    promise.then(
      () => 'done',
      (error: Error) => error.message,
    ),
    later,
  ])
}

describe('the batch queue', () => {
  it('lets writing begin when the split has ended', async () => {
    const queue = new BatchQueue(100)
    const ready = queue.readyToWrite()
    await queue.put(batch(10))
    expect(await settled(ready)).to.equal('waiting')
    queue.end()
    expect(await settled(ready)).to.equal('done')
    const seen = []
    for await (const { bytes } of queue) seen.push(bytes.length)
    expect(seen).to.deep.equal([10])
  })

  it('lets writing begin when it is full, and holds the reader back until there is room', async () => {
    const queue = new BatchQueue(100)
    await queue.put(batch(60))
    const second = queue.put(batch(60))
    expect(await settled(queue.readyToWrite())).to.equal('done')
    expect(await settled(second)).to.equal('waiting')
    const iterator = queue[Symbol.asyncIterator]()
    await iterator.next()
    expect(await settled(second)).to.equal('done')
  })

  it('passes a reader’s failure to the writer and a writer’s to the reader', async () => {
    const read = new BatchQueue(100)
    await read.put(batch(10))
    read.end(new Error('read failed'))
    expect(await settled(read[Symbol.asyncIterator]().next())).to.equal('read failed')

    const written = new BatchQueue(100)
    const blocked = written.put(batch(200))
    written.end(new Error('write failed'))
    expect(await settled(blocked)).to.equal('write failed')
  })
})
