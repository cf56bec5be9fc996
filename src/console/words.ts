/** What pages say, in English and Chinese. */

export const languages = ['en', 'zh'] as const
export type Language = (typeof languages)[number]

const words = {
  runs: ['Runs', '运行'],
  run: ['Run', '运行'],
  tasks: ['Tasks', '任务'],
  task: ['Task', '任务'],
  verify: ['Verify', '校验'],
  status: ['Status', '状态'],
  mode: ['Mode', '模式'],
  began: ['Began (UTC)', '开始时间（UTC）'],
  ended: ['Ended (UTC)', '结束时间（UTC）'],
  lasted: ['Seconds', '耗时（秒）'],
  rows: ['Rows', '行数'],
  rowsRead: ['Rows read', '读取行数'],
  rowsWritten: ['Rows written', '写入行数'],
  rowsRejected: ['Rows rejected', '被拒绝的行'],
  rate: ['Rows/s', '行/秒'],
  bytes: ['Bytes', '字节'],
  eta: ['Time left', '预计剩余'],
  error: ['Last error', '最近错误'],
  none: ['There is nothing here yet.', '这里还没有内容。'],
  from: ['From', '来源'],
  to: ['To', '目标'],
  online: ['Online', '已上线'],
  yes: ['yes', '是'],
  no: ['no', '否'],
  description: ['Description', '描述'],
  owner: ['Owner', '负责人'],
  params: ['Params (JSON)', '参数（JSON）'],
  lastRun: ['Last run', '上次运行'],
  nextRun: ['Next run (UTC)', '下次运行（UTC）'],
  runNow: ['Run now', '立即运行'],
  plan: ['Plan', '执行计划'],
  stop: ['Stop', '停止'],
  stopHint: ['It can be resumed.', '之后可以继续。'],
  resume: ['Resume', '继续'],
  speed: ['Change speed', '调整速度'],
  rowsPerSecond: ['Rows per second (empty: no limit)', '每秒行数（空：不限）'],
  bytesPerSecond: ['Bytes per second (empty: no limit)', '每秒字节数（空：不限）'],
  compare: ['Compare', '比较'],
  repair: ['Repair', '修复'],
  repairHint: [
    'Writes missing and different rows into the target and deletes extra ones. Compare first.',
    '把缺少和不同的行写入目标，并删除多余的行。请先比较。',
  ],
  save: ['Save', '保存'],
  add: ['Add a task', '新建任务'],
  edit: ['Edit', '编辑'],
  enable: ['Put online', '上线'],
  disable: ['Take offline', '下线'],
  clone: ['Clone', '克隆'],
  remove: ['Remove', '删除'],
  removeHint: ['Type the number of the task to remove it.', '输入任务编号以确认删除。'],
  command: ['The same on the command line', '等价的命令行'],
  splits: ['Splits', '切片'],
  splitMap: ['Map of splits', '切片分布'],
  done: ['done', '完成'],
  active: ['under way', '进行中'],
  waitingSplits: ['waiting', '等待'],
  retries: ['Retries', '重试'],
  threads: ['Threads', '线程'],
  speedPlot: ['Speed', '速度'],
  timeWent: ['Where the time went', '时间花在哪里'],
  phase: ['Phase', '阶段'],
  alone: ['Nothing but that', '仅此一项'],
  share: ['Share', '占比'],
  reading: ['Reading', '读取'],
  transforming: ['Transforming', '转换'],
  writing: ['Writing', '写入'],
  committing: ['Waiting for commits', '等待提交'],
  inServer: ['Copying inside the server', '服务器内部复制'],
  reasons: ['Why it was planned so', '计划理由'],
  warnings: ['Warnings', '警告'],
  rejected: ['Rejected rows', '被拒绝的行'],
  rejectedHint: [
    'Their values are in this file on the machine of the run:',
    '它们的值在运行所在机器的文件中：',
  ],
  overrides: ['For this run only', '仅本次运行'],
  tables: ['Tables', '表'],
  table: ['Table', '表'],
  tablesEnded: ['tables have ended', '个表已结束'],
  host: ['Host', '主机'],
  hosts: ['Hosts', '主机'],
  heard: ['Heard', '上次心跳'],
  splitsInHand: ['Splits in hand (rows)', '正在处理的切片（行数）'],
  noHosts: [
    'No worker is connected. "rowshift worker" on another machine takes part.',
    '没有已连接的工作进程。在其他机器上启动 “rowshift worker” 即可加入。',
  ],
  noQueue: [
    'Start this console with --workers, the address of the queue, to see the workers that are connected to it.',
    '用 --workers（队列地址）启动本控制台，即可看到连接到该队列的工作进程。',
  ],
  runOnWorkers: ['Run on the workers', '在工作进程上运行'],
  resumeOnWorkers: ['Resume on the workers', '在工作进程上继续'],
  waiting: ['It waits', '正在等待'],
  differences: ['Differences', '差异'],
  missing: ['Missing in the target', '目标缺少'],
  extra: ['Extra in the target', '目标多余'],
  different: ['Different', '不同'],
  keyOfRow: ['Key', '键'],
  columns: ['Columns', '列'],
  sourceRows: ['Rows in the source', '来源行数'],
  targetRows: ['Rows in the target', '目标行数'],
  equal: ['Equal', '一致'],
  comparedAt: ['Compared (UTC)', '比较时间（UTC）'],
  signIn: ['Sign in', '登录'],
  signOut: ['Sign out', '退出'],
  token: ['Token', '令牌'],
  tokenHint: ['"rowshift serve" printed it when it started.', '“rowshift serve” 启动时会打印它。'],
  wrongToken: ['This token is not the right one.', '令牌不正确。'],
  readOnly: ['read only', '只读'],
  operator: ['operator', '操作员'],
  all: ['All', '全部'],
  skip: ['Skip to the content', '跳到正文'],
  language: ['中文', 'English'],
  live: ['live', '实时'],
  notFound: ['There is no such page.', '没有这个页面。'],
  copyCommand: ['Copy', '复制'],
  actions: ['Actions', '操作'],
  gone: [
    'The run has ended. Runs without a task leave nothing in the history: --report FILE keeps what they have done.',
    '运行已结束。没有任务的运行不会留在历史中：可用 --report FILE 保存结果。',
  ],
  adHoc: ['without a task', '无任务'],
} as const satisfies Record<string, readonly [en: string, zh: string]>

/** Of runs, comparisons and tables; in English they are shown as they are. */
const statuses: Readonly<Record<string, string>> = {
  running: '运行中',
  success: '成功',
  failed: '失败',
  interrupted: '已中断',
  skipped: '已跳过',
  not_begun: '未开始',
  equal: '一致',
  different: '不一致',
  missing: '缺失',
  extra: '多余',
}

export function statusesIn(language: Language): Readonly<Record<string, string>> {
  return language === 'zh' ? statuses : {}
}

export type Word = keyof typeof words
export type Say = (word: Word) => string

export function sayIn(language: Language): Say {
  const index = languages.indexOf(language)
  return (word) => words[word][index]!
}

/** By what was asked for, remembered, or is the browser's. */
export function languageOf(asked: unknown, header: string | undefined): Language {
  // What is said several times in a query is a list.
  const wanted = typeof asked === 'string' ? asked : (header ?? '')
  return /^zh\b/i.test(wanted.trim()) ? 'zh' : 'en'
}
