/** The schemas of the HTTP API: what requests are checked against, and what the OpenAPI document says. */
import { byPhase } from '../contract/time-spent.js'

const text = { type: 'string' } as const
const texts = { type: 'array', items: text } as const
const orNull = (type: string) => ({ type: [type, 'null'] }) as const
const number = { type: 'number' } as const
const workers = {
  type: 'boolean',
  description: 'On the workers that are connected to the queue of "serve --workers", and not here.',
} as const
const taskId = { type: 'integer', minimum: -2147483648, maximum: 2147483647 } as const

const active = {
  type: 'array',
  description: 'Splits under way, the first of them.',
  items: { type: 'array', items: number, description: 'Split, rows read, rows written' },
} as const
const phaseTime = {
  type: 'object',
  required: ['seconds', 'alone'],
  properties: {
    seconds: number,
    alone: { ...number, description: 'Those in which the thread was in no other phase.' },
  },
} as const

export const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: text, message: text },
    },
  },
} as const

const fields = {
  from_app: orNull('string'),
  from_db_type: orNull('string'),
  from_db: orNull('string'),
  from_table: orNull('string'),
  to_app: orNull('string'),
  to_db_type: orNull('string'),
  to_db: orNull('string'),
  to_table: orNull('string'),
  params: {
    type: ['string', 'object', 'null'],
    additionalProperties: true,
    description: 'As etc/params.schema.json says, as JSON text or as an object.',
  },
  online_status: { type: ['integer', 'null'], minimum: 0, maximum: 1 },
  task_desc: orNull('string'),
  owner: orNull('string'),
} as const

export const schemas = {
  TaskFields: { type: 'object', additionalProperties: false, properties: fields },
  Task: {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'integer' }, task_status: orNull('string'), ...fields },
  },
  TaskSummary: {
    type: 'object',
    properties: {
      task: { $ref: '#/components/schemas/Task' },
      running: { type: 'boolean' },
      next: orNull('string'),
      cron: orNull('string'),
      lastRun: { type: ['object', 'null'], properties: { runId: text, status: text, began: text } },
    },
  },
  Run: {
    type: 'object',
    required: ['runId', 'status', 'began', 'live'],
    properties: {
      runId: text,
      taskId: orNull('integer'),
      mode: text,
      status: text,
      began: text,
      ended: orNull('string'),
      seconds: orNull('number'),
      rowsRead: number,
      rowsWritten: number,
      rowsPerSecond: number,
      left: orNull('number'),
      percent: orNull('number'),
      error: { type: ['object', 'null'], properties: { code: text, message: text } },
      host: orNull('string'),
      pid: orNull('integer'),
      live: { type: 'boolean' },
    },
  },
  RunDetail: {
    allOf: [
      { $ref: '#/components/schemas/Run' },
      {
        type: 'object',
        properties: {
          from: orNull('string'),
          to: orNull('string'),
          plan: orNull('string'),
          progress: { oneOf: [{ $ref: '#/components/schemas/Progress' }, { type: 'null' }] },
          samples: { type: 'array', items: { type: 'array', items: number } },
          report: orNull('object'),
          overrides: texts,
          reasons: texts,
          warnings: texts,
          resumable: { type: 'boolean' },
          timeWent: {
            type: ['object', 'null'],
            description: 'Where the time went, in a sentence of each language; null: nobody has looked.',
            properties: { en: text, zh: text },
          },
        },
      },
    ],
  },
  Progress: {
    type: 'object',
    description: 'Of a run that is under way on this machine.',
    required: ['seconds', 'rows', 'bytes', 'splits', 'splitsDone', 'retries', 'threads', 'active'],
    properties: {
      seconds: number,
      rows: { ...number, description: 'Written, committed or not yet.' },
      bytes: number,
      splits: number,
      splitsDone: number,
      retries: number,
      threads: number,
      waiting: orNull('string'),
      step: orNull('string'),
      active,
      spent: { $ref: '#/components/schemas/TimeSpent' },
      tables: {
        type: ['object', 'null'],
        description: 'null: the run is of one table.',
        properties: {
          all: number,
          ended: number,
          shown: {
            type: 'array',
            description: 'Those under way, and some that have ended, the last one first.',
            items: {
              type: 'object',
              required: ['table', 'status', 'rows'],
              properties: {
                table: text,
                status: text,
                rows: number,
                expected: orNull('number'),
                step: orNull('string'),
                splits: number,
                splitsDone: number,
                active,
              },
            },
          },
        },
      },
    },
  },
  TimeSpent: {
    type: 'object',
    description: 'Seconds, added up over all threads. A thread may be in two phases at a time.',
    required: ['inHand', 'computing', 'phases'],
    properties: {
      inHand: { ...number, description: 'In which a thread had a split in hand.' },
      computing: {
        ...orNull('number'),
        description: 'Of a thread itself; null: a database works inside the threads.',
      },
      phases: { type: 'object', properties: byPhase(() => phaseTime) },
    },
  },
  Verification: {
    type: 'object',
    required: ['runId', 'taskId', 'status'],
    properties: {
      runId: text,
      taskId: { type: 'integer' },
      kind: { enum: ['verify', 'repair'] },
      at: text,
      status: { enum: ['running', 'equal', 'different', 'failed'] },
      found: orNull('object'),
      left: orNull('object'),
      tables: { type: ['array', 'null'], items: { type: 'object' } },
      error: orNull('object'),
    },
  },
  Host: {
    type: 'object',
    required: ['name', 'threads', 'rowsPerSecond', 'silentSeconds', 'runs'],
    properties: {
      name: { type: 'string', description: 'Of the machine, and the process there.' },
      threads: { type: 'integer' },
      rowsPerSecond: number,
      silentSeconds: { type: 'number', description: 'Since it was heard last.' },
      runs: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            runId: text,
            threads: { type: 'integer', description: 'Of its threads, those that work for this run.' },
            rowsPerSecond: number,
            splits: {
              type: 'array',
              description: 'That it has in hand.',
              items: {
                type: 'object',
                properties: { split: { type: 'integer' }, rowsRead: number, rowsDone: number },
              },
            },
            refused: { type: ['string', 'null'], description: 'Why it takes no part; null: it does.' },
          },
        },
      },
    },
  },
  RunAsked: {
    type: 'object',
    additionalProperties: false,
    properties: {
      mode: { enum: ['init', 'append', 'increment', 'sync'] },
      where: { type: 'string', minLength: 1 },
      param: { type: 'array', maxItems: 50, items: { type: 'string', pattern: '^[^=]+=' } },
      restart: { type: 'boolean' },
      workers,
    },
  },
  Placed: { type: 'object', additionalProperties: false, properties: { workers } },
  Begun: { type: 'object', required: ['runId'], properties: { runId: orNull('string') } },
  Limits: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      record: { type: ['integer', 'null'], minimum: 1, description: 'Rows per second; null: no limit.' },
      byte: { type: ['integer', 'null'], minimum: 1, description: 'Bytes per second; null: no limit.' },
    },
  },
  VerifyAsked: {
    type: 'object',
    additionalProperties: false,
    properties: { repair: { type: 'boolean' }, workers },
  },
  Empty: { type: 'object', additionalProperties: false },
  Error: errorSchema,
} as const

export type SchemaName = keyof typeof schemas

/** Path params, by name. */
export const pathSchemas = {
  taskId,
  runId: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
} as const

export const querySchemas = {
  runs: {
    type: 'object',
    additionalProperties: false,
    properties: {
      task: taskId,
      limit: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
    },
  },
  verifications: { type: 'object', additionalProperties: false, properties: { task: taskId } },
} as const
