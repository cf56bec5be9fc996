/** Loaded into a measured process with `--import`: writes what it used to the file that the environment names. */
import { writeFileSync } from 'node:fs'

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const usage = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMegabytes: maxRSS / 1024 }
  writeFileSync(process.env['ROWSHIFT_BENCH_USAGE']!, JSON.stringify(usage))
})
