// The shape of the health model. A row of the table says what a code means for the node and how long
// it must last; an observation is what somebody has just seen. The tracker decides whether an
// observation becomes a finding.

import type { FaultValues } from '../../protocol/catalogue/fault.ts';
import type { healthFaults } from '../../protocol/catalogue/health.ts';
import type { lineHealthFaults } from '../../protocol/catalogue/line.ts';
import type { HealthSeverity } from '../../protocol/messages/health.ts';
import type { CheckCode } from '../preflight/messages/index.ts';

/** Codes of the catalogue's health and line parts, and preflight checks that go on being asked. */
export type CatalogueHealthCode = keyof typeof healthFaults | keyof typeof lineHealthFaults;
export type HealthCode = CatalogueHealthCode | CheckCode;

export interface HealthCondition {
  readonly code: HealthCode;
  /** Type of the Node's condition, CamelCase, True when something is wrong; several codes may share one. */
  readonly condition: string;
  readonly severity: HealthSeverity;
  /** While one of these is visible, this one is told as its consequence. */
  readonly dependsOn: readonly HealthCode[];
  /** Bad for so long without a break: visible. */
  readonly visibleAfterMs: number;
  /** Good for so long without a break: gone. */
  readonly clearsAfterMs: number;
}

export interface Observation {
  readonly code: HealthCode;
  /** `unknown` changes nothing: what nobody could see is neither better nor worse. */
  readonly state: 'good' | 'bad' | 'unknown';
  readonly values?: FaultValues;
  /** For the code of a preflight check: which of its texts. */
  readonly problem?: string | undefined;
  /** When it is worse than the table says. */
  readonly severity?: HealthSeverity;
  /** It has been so for this long already, as who sees it first now knows. */
  readonly lastedMs?: number;
}

/** Something that looks at one part of the node now and then. It may throw: then it has seen nothing. */
export interface HealthSource {
  readonly name: string;
  readonly everyMs: number;
  /**
   * While something of it is bad, or has just changed, it is asked this often at
   * first; an alarm asks it at once.
   */
  readonly unsettledMs?: number;
  /** `isVisible` lets a measured value be judged by two thresholds: one to raise, a better one to clear. */
  look(isVisible: (code: HealthCode) => boolean, signal: AbortSignal): Promise<readonly Observation[]>;
}
