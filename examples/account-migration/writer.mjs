// The old system at work: accounts are enabled, disabled and opened, and money moves, in transactions of a few
// milliseconds. As in the article, nothing is deleted.
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'

const PAUSE_MS = 5

export async function startWriter(address) {
  const connection = await createConnection(address)
  const [[{ total }]] = await connection.query('SELECT COUNT(*) AS total FROM t_source_account_info')
  const state = { accounts: total, usable: total, stopped: false }
  const ended = work(connection, state)
  return {
    /** How many accounts there are. Their numbers begin at 0. */
    get accounts() {
      return state.accounts
    },
    /** From now on, the accounts below this number get log rows. */
    mayUse(number) {
      state.usable = number
    },
    async stop() {
      state.stopped = true
      await ended
      await connection.end()
    },
  }
}

async function work(connection, state) {
  for (let n = 0; !state.stopped; n++) {
    const account = userNo((n * 7919) % state.usable)
    await connection.query('START TRANSACTION')
    await connection.query(
      'UPDATE t_source_account_info SET status = 1 - status, version = version + 1 WHERE user_no = ?',
      [account],
    )
    await connection.query('INSERT INTO t_account_log (user_id, amount, remark) VALUES (?, ?, ?)', [
      account,
      (n % 1000) / 100,
      `changed ${n}`,
    ])
    if (n % 10 === 0) {
      await connection.query(
        'INSERT INTO t_source_account_info (user_no, status, create_time) VALUES (?, 0, NOW())',
        [userNo(state.accounts)],
      )
    }
    await connection.query('COMMIT')
    if (n % 10 === 0) state.accounts++
    await sleep(PAUSE_MS)
  }
}

function userNo(number) {
  return `U${String(number).padStart(10, '0')}`
}
