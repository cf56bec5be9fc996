/** Where alerts go: the `alerts` of the configuration, or the older block `roboter`. */
import type { Config } from '../config/config.js'

export const alertEvents = ['failed', 'recovered', 'late', 'differs', 'rejected'] as const
export type AlertEvent = (typeof alertEvents)[number]

export type Channel =
  | {
      readonly type: 'dingtalk'
      readonly url: string
      readonly secret?: string
      readonly at_mobiles?: readonly string[]
      readonly at_all?: boolean
      readonly keyword?: string
    }
  | {
      readonly type: 'feishu'
      readonly url: string
      readonly secret?: string
      readonly at_all?: boolean
      readonly keyword?: string
    }
  | {
      readonly type: 'wecom'
      readonly url: string
      readonly at_mobiles?: readonly string[]
      readonly at_all?: boolean
    }
  | { readonly type: 'slack'; readonly url: string }
  | { readonly type: 'webhook'; readonly url: string; readonly secret?: string }
  | {
      readonly type: 'email'
      readonly url: string
      readonly from: string
      readonly to: readonly string[]
      readonly require_tls?: boolean
    }

export interface AlertConfig {
  readonly channels: readonly Channel[]
  readonly events: readonly AlertEvent[]
  /** Seconds between two alerts of a task. */
  readonly interval: number
  readonly language: 'en' | 'zh'
}

interface RawAlerts {
  readonly channels: readonly Channel[]
  readonly events?: readonly AlertEvent[]
  readonly interval?: number
  readonly language?: 'en' | 'zh'
}

interface RawRoboter {
  readonly token?: string
  readonly atMobiles?: readonly (string | number)[]
  readonly isAtAll?: boolean
  readonly roboter_type?: string
  readonly hook_keyword?: string
  readonly secret?: string
}

/** What a robot's address is but for its token. */
const ROBOTERS = {
  dingtalk: 'https://oapi.dingtalk.com/robot/send?access_token=',
  feishu: 'https://open.feishu.cn/open-apis/bot/v2/hook/',
  wecom: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=',
} as const

const NAMES: Readonly<Record<string, keyof typeof ROBOTERS>> = {
  dingding: 'dingtalk',
  dingtalk: 'dingtalk',
  feishu: 'feishu',
  lark: 'feishu',
  wecom: 'wecom',
  weixin: 'wecom',
  wechat: 'wecom',
}

/** null: nobody wants any. Throws VARIABLE_MISSING. */
export function alertConfigOf(config: Config): AlertConfig | null {
  const raw = config.block('alerts') as RawAlerts | null
  const roboter = config.block('roboter') as RawRoboter | null
  const old = roboter === null ? [] : roboterChannel(roboter)
  const channels = [...(raw?.channels ?? []), ...old]
  if (channels.length === 0) return null
  const { events = alertEvents, interval = 600, language = 'en' } = raw ?? {}
  return { channels, events, interval, language }
}

function roboterChannel(roboter: RawRoboter): Channel[] {
  const { token, atMobiles = [], isAtAll = false, roboter_type = 'dingtalk', hook_keyword, secret } = roboter
  const type = NAMES[roboter_type.toLowerCase()]
  if (token === undefined || token === '' || type === undefined) return []
  const url = /^https?:\/\//.test(token) ? token : ROBOTERS[type] + encodeURIComponent(token)
  return [
    {
      type,
      url,
      at_mobiles: atMobiles.map(String),
      at_all: isAtAll,
      ...(hook_keyword === undefined ? {} : { keyword: hook_keyword }),
      ...(secret === undefined ? {} : { secret }),
    } as Channel,
  ]
}
