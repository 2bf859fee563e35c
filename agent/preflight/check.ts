// The one shape of a check: what it is called, how bad its worst verdict may be, what must hold before
// it makes sense, and a function that looks at the host and compares. A check only reads, knows no
// language (its texts stand in messages/ under its code) and never throws on purpose; `define` ties it
// to its texts at compile time.

import type { FaultValues } from '../../protocol/catalogue/fault.ts';
import type { NetworkMode } from '../../protocol/messages/desired.ts';
import type { Host } from '../host/host.ts';
import type { JoinedNode } from '../state/joined-node.ts';
import type { CheckCode, ProblemOf, SkipReason } from './messages/index.ts';

export type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

/** The worst that a check may say: `blocking` ones may fail, `advisory` ones only warn. */
export type Severity = 'blocking' | 'advisory';

/** In the order in which they are shown, which is also the order in which to repair. */
export const groups = [
  'identity',
  'resources',
  'kernel',
  'line',
  'time',
  'firewall',
  'runtime',
  'cilium',
  'devices',
  'node',
] as const;
export type Group = (typeof groups)[number];

/** What is known about the cluster before joining; whatever is missing makes its checks skip and say so. */
export interface PreflightContext {
  readonly gatewayUrl?: string;
  readonly networkMode?: NetworkMode;
  readonly kubernetesVersion?: string;
  readonly pool?: string;
  readonly nodeName?: string;
  readonly caPem?: string;
  /** Ranges of pods and services, to find an overlap with the host's own networks. */
  readonly clusterCidrs?: readonly string[];
  /** Set by the doctor: the node that this host is. */
  readonly node?: JoinedNode;
}

/** What was measured, and against what: symbols and numbers, the same in every language. */
interface Evidence {
  readonly measured: string;
  readonly threshold: string;
}

export interface Outcome<Problem extends string = string> {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  readonly values: FaultValues;
  /** Which of the check's texts says what is wrong; set for warn and fail. */
  readonly problem?: Problem;
  /** Why there is nothing to say; set for skip. */
  readonly reason?: SkipReason;
}

interface CheckBase {
  /** The code in kebab case: what --only, --skip and --ignore take. */
  readonly id: string;
  readonly group: Group;
  readonly severity: Severity;
  /** When one of these has failed, this check says nothing of its own. */
  readonly dependsOn: readonly CheckCode[];
  /** Default 8000. */
  readonly timeoutMs?: number;
}

interface Definition<Code extends CheckCode> extends CheckBase {
  readonly code: Code;
  run(host: Host, context: PreflightContext): Promise<Outcome<ProblemOf<Code>>>;
}

export interface Check extends CheckBase {
  readonly code: CheckCode;
  run(host: Host, context: PreflightContext): Promise<Outcome>;
}

/** Checks at compile time that every problem which `run` can name has its texts. */
export function define<Code extends CheckCode>(check: Definition<Code>): Check {
  return check;
}

export function ok(measured: string, threshold = '', values: FaultValues = {}): Outcome<never> {
  return { verdict: 'ok', evidence: { measured, threshold }, values };
}

export function warn<Problem extends string>(
  problem: Problem,
  measured: string,
  threshold: string,
  values: FaultValues = {},
): Outcome<Problem> {
  return { verdict: 'warn', problem, evidence: { measured, threshold }, values };
}

export function fail<Problem extends string>(
  problem: Problem,
  measured: string,
  threshold: string,
  values: FaultValues = {},
): Outcome<Problem> {
  return { verdict: 'fail', problem, evidence: { measured, threshold }, values };
}

export function skip(reason: SkipReason, measured = ''): Outcome<never> {
  return { verdict: 'skip', reason, evidence: { measured, threshold: '' }, values: {} };
}
