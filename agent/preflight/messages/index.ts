// The texts of all checks by code, one file per group. A check whose code or problem has no texts here does
// not compile. What belongs to no single check (why one was skipped, that one broke) stands here too.
import { type FaultValues, fill, type Language } from '../../../protocol/catalogue/fault.ts';
import type { Text } from '../../../protocol/catalogue/text.ts';
import { ciliumMessages } from './cilium.ts';
import { deviceMessages } from './devices.ts';
import { firewallMessages } from './firewall.ts';
import { gatewayMessages } from './gateway.ts';
import { identityMessages } from './identity.ts';
import { kernelMessages } from './kernel.ts';
import { lineMessages } from './line.ts';
import { nodeMessages } from './node.ts';
import { podMessages } from './pods.ts';
import { resourceMessages } from './resources.ts';
import { runtimeMessages } from './runtime.ts';
import { serviceMessages } from './services.ts';
import type { ProblemMessages } from './shape.ts';
import { timeMessages } from './time.ts';

export const messages = {
  ...identityMessages,
  ...resourceMessages,
  ...kernelMessages,
  ...lineMessages,
  ...gatewayMessages,
  ...timeMessages,
  ...firewallMessages,
  ...runtimeMessages,
  ...ciliumMessages,
  ...deviceMessages,
  ...nodeMessages,
  ...serviceMessages,
  ...podMessages,
};

export type CheckCode = keyof typeof messages;
export type ProblemOf<Code extends CheckCode> = keyof (typeof messages)[Code]['problems'] & string;

export const checkCodes = Object.keys(messages) as [CheckCode, ...CheckCode[]];

export const skipReasons = {
  muted: { en: 'because {cause} failed', zh: '因为 {cause} 未通过' },
  noGateway: { en: 'no gateway given (--gateway URL)', zh: '未指定网关（--gateway URL）' },
  noAnswer: { en: 'the gateway did not answer', zh: '网关没有应答' },
  notNeeded: { en: 'does not apply to this host', zh: '不适用于此主机' },
  notCilium: {
    en: 'only for a pool with Cilium (--network cilium)',
    zh: '仅适用于 Cilium 节点池（--network cilium）',
  },
  noVersion: {
    en: 'the version is not known yet (--kubernetes-version V)',
    zh: '尚不知道版本（--kubernetes-version V）',
  },
  noRanges: {
    en: 'the ranges of pods and services are not known yet (--cluster-cidrs RANGES)',
    zh: '尚不知道 Pod 与 Service 网段（--cluster-cidrs RANGES）',
  },
  unreadable: { en: 'cannot be read here', zh: '此处无法读取' },
  notAsked: { en: 'the cluster was not asked', zh: '未能向集群查询' },
  joined: { en: 'this host is already a node of regnode', zh: '此主机已是 regnode 节点' },
} as const satisfies Record<string, Text>;

export type SkipReason = keyof typeof skipReasons;
export const skipReasonKeys = Object.keys(skipReasons) as [SkipReason, ...SkipReason[]];

const broken: ProblemMessages = {
  message: { en: 'The check itself did not finish: {detail}.', zh: '检查本身未能完成：{detail}。' },
  remedy: {
    en: 'Run it again alone; if it stays, leave it out with --skip and report it with the output.',
    zh: '请单独重试；若仍如此，可用 --skip 跳过，并附输出反馈。',
  },
  commands: ['regnode preflight --only {id} --json'],
};

export function isCheckCode(code: string): code is CheckCode {
  return Object.hasOwn(messages, code);
}

export function problemMessages(code: CheckCode, problem: string): ProblemMessages | undefined {
  const known: Readonly<Record<string, ProblemMessages>> = messages[code].problems;
  return known[problem] ?? (problem === 'broken' ? broken : undefined);
}

export function say(text: Text, language: Language, values: FaultValues = {}): string {
  return fill(text[language], values);
}
