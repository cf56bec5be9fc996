/** Loaded into a measured process with `--import`: writes what it used to the file that the environment names. */
import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

if (isMainThread)
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    const usage = {
      cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
      mainSeconds: mainSeconds(),
      peakMegabytes: maxRSS / 1024,
    }
    writeFileSync(process.env['ROWSHIFT_BENCH_USAGE']!, JSON.stringify(usage))
  })

function mainSeconds(): number | null {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9
  } catch {
    return null
  }
}
