/** The work of `sieve.ts` without anything else, in a thread of its own: what the machine itself gains by threads. */
import { workerData } from 'node:worker_threads'
import { fingerprint } from './sieve.js'

for (let row = 0; row < (workerData as number); row++) fingerprint(`C:\\path\\${row}\tline one\nline two`)
