// What is copied in the fault suite, by mode and kind of target: SQL that makes the tables, and what must be in them in the end.

export const MODES = ['insert', 'upsert', 'ignore', 'append', 'increment', 'sync'] as const
export type Mode = (typeof MODES)[number]
/** `ids`: rows get new ids; of a map, but for `insert`. */
export const SHAPES = ['plain', 'sharded', 'ids'] as const
export type Shape = (typeof SHAPES)[number]

export const ROWS = 1200
export const SPLIT = 100
const SHARDS = [0, 1, 2]
/** Every so many rows of the target are there before, with another text; and as many that the source does not have. */
const STALE = 97
const COLUMNS = 'id, v, ver'
const BODY = 'id INT NOT NULL, v VARCHAR(200) NOT NULL, ver BIGINT NOT NULL'

/** Of a stored task: the others are copies between two URLs. */
export function isTask(mode: Mode): boolean {
  return mode === 'append' || mode === 'increment' || mode === 'sync'
}

/** Rows of an earlier attempt are told from those of the source by their key. */
function isKeyed(mode: Mode): boolean {
  return mode !== 'insert'
}

function hasStaleRows(mode: Mode): boolean {
  return mode !== 'insert' && mode !== 'append'
}

/** Of targets that are empty before: an index that comes after the rows, each with a name of its own. */
export function lateIndexes(mode: Mode, shape: Shape): string[] {
  if (hasStaleRows(mode)) return []
  return targetTables(shape).map((table) => `${table}_ver`)
}

function targetTables(shape: Shape): string[] {
  return shape === 'sharded' ? SHARDS.map((n) => `dst_${n}`) : ['dst']
}

export function sourceSql(mode: Mode, shape: Shape): string {
  const kept = mode === 'ignore' ? `id % ${STALE} = 0` : 'id < 0'
  const rows = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, '${textOf(i)}', ${i + 1})`)
  return [
    `CREATE TABLE src (${BODY}, PRIMARY KEY (id))`,
    'CREATE INDEX src_ver ON src (ver)',
    `INSERT INTO src VALUES ${rows.join(', ')}`,
    `CREATE TABLE want (${BODY}, place INT NOT NULL, PRIMARY KEY (id))`,
    `INSERT INTO want SELECT id, CASE WHEN ${kept} THEN 'stale' ELSE v END, CASE WHEN ${kept} THEN 0 ELSE ver END,
       ${shape === 'sharded' ? `id % ${SHARDS.length}` : 0} FROM src`,
  ].join(';\n')
}

function textOf(i: number): string {
  return `row ${i % 40}${'x'.repeat(60 + Math.floor(i / 40))}`
}

/** The tables that the run is to write. */
export function targetSql(mode: Mode, shape: Shape): string {
  const indexes = lateIndexes(mode, shape).map(
    (name) => `CREATE INDEX ${name} ON ${name.replace(/_ver$/, '')} (ver)`,
  )
  return [tablesSql(mode, shape), ...indexes].join(';\n')
}

function tablesSql(mode: Mode, shape: Shape): string {
  const key = isKeyed(mode) ? ', PRIMARY KEY (id)' : ''
  const extra = mode === 'sync' ? [5001, 5002, 5003, 5004, 5005] : []
  const rows = [
    `SELECT id, 'stale' v, 0 ver FROM src WHERE id % ${STALE} = 0`,
    ...extra.map((id) => `SELECT ${id}, 'extra', 0`),
  ].join(' UNION ALL ')
  if (shape === 'sharded') {
    return SHARDS.flatMap((n) => [
      `CREATE TABLE dst_${n} (${BODY}${key})`,
      ...(hasStaleRows(mode)
        ? [`INSERT INTO dst_${n} SELECT * FROM (${rows}) q WHERE id % ${SHARDS.length} = ${n}`]
        : []),
    ]).join(';\n')
  }
  if (shape === 'plain') {
    const stale = hasStaleRows(mode) ? [`INSERT INTO dst ${rows}`] : []
    return [`CREATE TABLE dst (${BODY}${key})`, ...stale].join(';\n')
  }
  return [
    `CREATE TABLE dst (new_id BIGINT NOT NULL PRIMARY KEY, ${BODY})`,
    ...(hasIdMap(mode, shape)
      ? ['CREATE TABLE id_map (old_id INT NOT NULL PRIMARY KEY, new_id BIGINT NOT NULL UNIQUE)']
      : []),
    ...(hasStaleRows(mode)
      ? [
          `INSERT INTO id_map SELECT id, 1000000 + id FROM (${rows}) q`,
          `INSERT INTO dst SELECT 1000000 + id, id, v, ver FROM (${rows}) q`,
        ]
      : []),
  ].join(';\n')
}

/** All rows of the target, each with its place: its shard, or 0 unless its id is not the one that the map has. */
export function allRows(mode: Mode, shape: Shape): string {
  if (shape === 'sharded')
    return SHARDS.map((n) => `SELECT ${COLUMNS}, ${n} AS place FROM dst_${n}`).join(' UNION ALL ')
  if (!hasIdMap(mode, shape)) return `SELECT ${COLUMNS}, 0 AS place FROM dst`
  const kept = hasStaleRows(mode)
    ? `AND (m.new_id = 1000000 + m.old_id OR m.old_id % ${STALE} <> 0 OR m.old_id > ${ROWS})`
    : ''
  const known = `SELECT 1 FROM id_map m WHERE m.old_id = dst.id AND m.new_id = dst.new_id ${kept}`
  return `SELECT ${COLUMNS}, CASE WHEN EXISTS (${known}) THEN 0 ELSE 1 END AS place FROM dst`
}

function hasIdMap(mode: Mode, shape: Shape): boolean {
  return shape === 'ids' && mode !== 'insert'
}

/** What the source gets when a run is over, for the next one: so that a watermark which was moved too far, or not at all, is seen. */
export function laterSql(mode: Mode, shape: Shape): string {
  const place = shape === 'sharded' ? `id % ${SHARDS.length}` : '0'
  const more = `INSERT INTO src (${COLUMNS}) SELECT id + 3000, 'later', ver + 3000 FROM src WHERE id <= 9`
  const newer = mode === 'increment' ? ["UPDATE src SET v = 'newer', ver = 4000 WHERE id = 7"] : []
  return [more, ...newer, 'DELETE FROM want', `INSERT INTO want SELECT ${COLUMNS}, ${place} FROM src`].join(
    ';\n',
  )
}

/** Rows that the next run may read: what has come since, and once more those of the version that it begins with. */
export const LATER_ROWS = 11

export function targetName(shape: Shape): string {
  return shape === 'sharded' ? 'dst_{0..2}' : 'dst'
}

/** Tables that a run may leave, beside those that it was given. */
export function tablesOf(mode: Mode, shape: Shape): string[] {
  return [
    'rowshift_checkpoint',
    'src',
    'want',
    ...targetTables(shape),
    ...(shape === 'ids' ? ['rowshift_sequence'] : []),
    ...(hasIdMap(mode, shape) ? ['id_map'] : []),
  ]
}

export function paramsOf(mode: Mode, shape: Shape, threads: number, session: readonly string[]): object {
  const id = {
    to: 'new_id',
    ...(hasIdMap(mode, shape)
      ? { from: 'id', id: { type: 'sequence', map: { table: 'id_map' } } }
      : { id: 'sequence' }),
  }
  return {
    worker_num: threads,
    read_batch: SPLIT,
    retry: { attempts: 8, max_wait: 1 },
    session,
    ...(isTask(mode) ? { mode } : { write_mode: mode }),
    ...(lateIndexes(mode, shape).length > 0 ? { defer_indexes: true } : {}),
    ...(mode === 'append' ? { pk: 'id' } : {}),
    ...(mode === 'increment' ? { diff_column: { src: 'ver', type: 'version' } } : {}),
    ...(mode === 'sync' ? { max_delete: 50 } : {}),
    ...(shape === 'sharded' ? { shard: { by: 'id', hash: 'modulo' } } : {}),
    ...(shape === 'ids' ? { columns: ['id', 'v', 'ver', id] } : {}),
  }
}
