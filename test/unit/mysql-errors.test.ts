import { expect } from 'chai'
import { describe, it } from 'mocha'
import { asLost, mapError, warningError } from '../../plugins/mysql/errors.js'
import { rejectedRowError } from '../../plugins/mysql/row-errors.js'
import { asLost as asLostByPostgres, postgresError } from '../../plugins/postgres/errors.js'
import { LostConnection } from '../../src/sql/error-classes.js'
import type { TableSchema } from '../../src/contract/plugin.js'
import { RowshiftError } from '../../src/contract/plugin.js'
import { batch, draftPlan } from './sqlite-fixture.js'

const map = (errno: number, message = 'as the server says') => mapError({ errno, message }, 'writing table t')

const text = {
  type: 'text',
  kind: 'text',
  nullable: true,
  hasDefault: false,
  generated: false,
  ordered: true,
  valueRange: {},
} as const
const TABLE: TableSchema = {
  table: 't',
  identity: 't',
  columns: ['id', 'v', 'p'].map((name) => ({ ...text, name })),
  keys: [{ name: 'PRIMARY', columns: ['id'], primary: true, nullable: false }],
  estimatedRows: null,
  estimatedRowBytes: null,
}

describe('errors of MySQL and MariaDB', () => {
  it('blame a row for what is in it only', () => {
    const rows = [
      1048, 1062, 1263, 1264, 1265, 1292, 1366, 1406, 1451, 1452, 1526, 1644, 1690, 3140, 3819, 4025, 1118,
    ]
    for (const errno of rows) expect(map(errno).blamesRow, String(errno)).to.equal(true)
    const others = [
      // Locks, connections, shutdown.
      1020, 1205, 1213, 1317, 1412, 3101, 3572, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013,
      3169, 4031,
      // Statements that end their connection.
      1153,
      // Full, failing or read-only servers; transactions that are too large.
      1021, 1030, 1114, 1180, 1197, 1206, 1290, 1792, 1836, 3100,
      // Privileges, tables, statements; and what nobody knows.
      1044, 1045, 1142, 1146, 1054, 1064, 1136, 1364, 1105, 9999,
    ]
    for (const errno of others) expect(map(errno).blamesRow, String(errno)).to.equal(false)
    expect(mapError({ code: 'ECONNRESET', message: 'reset' }, 'writing').blamesRow).to.equal(false)
  })

  it('are not faults of ours, nor of the driver, which no connection is to blame for', () => {
    const outOfRange = Object.assign(new RangeError('out of range'), { code: 'ERR_OUT_OF_RANGE' })
    for (const fault of [
      new TypeError('x is not a function'),
      outOfRange,
      new Error('no such case'),
      'text',
    ]) {
      expect(mapError(fault, 'writing table t').code, String(fault)).to.equal('INTERNAL')
      expect(asLost(fault as Error, 'server')).to.equal(fault)
    }
    const fatal = Object.assign(new Error('a command in a closed connection'), { fatal: true })
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    for (const lost of [fatal, reset, new Error("Can't write in closed state")]) {
      expect(mapError(lost, 'writing table t').code, lost.message).to.equal('CONNECTION_LOST')
      expect(asLost(lost, 'server')).to.be.instanceOf(LostConnection)
    }
  })

  it('can be retried when a lock was lost', () => {
    for (const errno of [1020, 1205, 1213, 1317, 1412, 3101]) {
      expect(map(errno).code, String(errno)).to.equal('LOCK_CONFLICT')
    }
  })

  it('say what the engine may do about them', () => {
    const reactions = {
      // Locks, connections that end or cannot be had, servers that stop or fail over.
      retry: [
        1020, 1205, 1213, 1317, 1412, 3101, 3572, 1053, 1152, 1927, 2006, 2013, 4031, 1040, 1203, 1226,
      ].concat([1290, 1792, 1836]),
      wait: [1021, 1114],
      shrink: [1153, 1197, 1206],
      never: [1044, 1142, 1146, 1054, 1062, 1264, 1366, 3819, 1064, 9999],
    }
    for (const [reaction, numbers] of Object.entries(reactions))
      for (const errno of numbers) expect(map(errno).reaction, String(errno)).to.equal(reaction)
    expect(mapError({ code: 'ECONNRESET', message: 'reset' }, 'writing').reaction).to.equal('retry')
  })

  it('know a full disk by the number of the system, where files cannot be written', () => {
    const unwritten = [
      [3, 'Error writing file \'/tmp/#sql/fd=53\' (Errcode: 28 "No space left on device")', 'DISK_FULL'],
      [3, "Error writing file '/tmp/MLfd=34' (OS errno 28 - No space left on device)", 'DISK_FULL'],
      [3, "Error writing file '/tmp/28' (OS errno 5 - Input/output error)", 'SERVER_ERROR'],
      [1030, 'Got error 28 "No space left on device" from storage engine InnoDB', 'DISK_FULL'],
      [1030, 'Got error 168 "Unknown (generic) error from engine" from storage engine', 'SERVER_ERROR'],
      [1064, 'You have an error 28', 'SERVER_ERROR'],
    ] as const
    for (const [errno, message, code] of unwritten)
      expect(mapError({ errno, message }, 'writing').code, message).to.equal(code)
  })

  it('say what to do', () => {
    expect(map(1197).message).to.include('read_batch').and.to.include('max_binlog_cache_size')
    expect(map(1206).message).to.include('read_batch')
    expect(map(1114).message).to.include('room')
    for (const errno of [1290, 1792, 1836]) expect(map(errno).message).to.include('takes no writes')
  })

  it('name the row, and the value of the column that the server names', () => {
    const { write } = draftPlan(TABLE, TABLE)
    for (const [message, column] of [
      ["Data too long for column 'v' at row 1", 'v'],
      ["Incorrect integer value: 'column 'id'' for column 'v' at row 1", 'v'],
      ["Incorrect integer value: 'abc' for column `db`.`rowshift_stage`.`v` at row 1", 'v'],
      ["Column 'v' cannot be null", 'v'],
      ['CONSTRAINT `t.v` failed for `db`.`t`', 'v'],
      [
        'a foreign key constraint fails (`db`.`t`, CONSTRAINT `v` FOREIGN KEY (`p`) REFERENCES `v` (`id`))',
        'p',
      ],
      ["Check constraint 'c' is violated.", undefined],
    ] as const) {
      const error = rejectedRowError(write, batch('7\tx\\ty\t2'), map(1366, message))
      expect(error.details['column'], message).to.equal(column)
      expect(error.message).to.include('The row with id = "7" was not written.')
      expect(error.message).not.to.include('at row').and.not.to.include('rowshift_stage')
      if (column === 'v') expect(error.message).to.include('Its v is "x\\ty".')
      if (column === 'p') expect(error.message).to.include('Its p is "2".')
    }
    const guarded = new RowshiftError('DATA_REJECTED', 'said already', { key: ['id = "7"'] })
    expect(rejectedRowError(write, batch('7\t\t'), guarded)).to.equal(guarded)
  })

  it('of a load are those of its first warning', () => {
    expect(warningError(1062, "Duplicate entry '3'", 't').code).to.equal('DUPLICATE_KEY')
    expect(warningError(1265, 'Data truncated', 't').code).to.equal('DATA_REJECTED')
  })
})

describe('errors of PostgreSQL', () => {
  it('are not faults of ours, nor of the driver, which no connection is to blame for', () => {
    const wrong = Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' })
    for (const fault of [wrong, new TypeError('x is not a function'), new Error('no such case')]) {
      expect(postgresError(fault, 'writing table t').code, fault.message).to.equal('INTERNAL')
      expect(asLostByPostgres(fault, 'server')).to.equal(fault)
    }
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    expect(postgresError(reset, 'writing table t').code).to.equal('CONNECTION_LOST')
    expect(asLostByPostgres(reset, 'server')).to.be.instanceOf(LostConnection)
  })
})
