// The limits among replicas, each with its unit in its name. They stand next to each other, so silence
// is taken for death much sooner than on a line to a data centre; and nothing is resumed: what a
// replica carried ends with it.
import { defaultLimits, type TunnelLimits } from '../../protocol/tunnel/limits.ts';

export const linkLimits: TunnelLimits = {
  ...defaultLimits,
  streams: 16_384,
  receiveBudgetBytes: 256 * 1024 * 1024,
  unacknowledgedBytes: 32 * 1024 * 1024,
  pingIntervalMs: 2_000,
  suspectAfterMs: 3_000,
  deadAfterMs: 6_000,
  connectTimeoutMs: 2_000,
  upgradeTimeoutMs: 3_000,
  helloTimeoutMs: 3_000,
  resumeWindowMs: 1,
};

export const doorLimits = {
  connections: 256,
  headerBytes: 8 * 1024,
  headersTimeoutMs: 5_000,
  handshakeTimeoutMs: 5_000,
  /** The same refusal of the same address is audited once in this time; the counters count all. */
  repeatedAuditMs: 60_000,
  rememberedAddresses: 1_000,
} as const;

/** What one replica asks another one. */
export const questionLimits = {
  /** As long as Prometheus waits by default. */
  timeoutMs: 10_000,
  headerBytes: 4 * 1024,
  answerBytes: 64 * 1024 * 1024,
} as const;

/** A node that has no tunnel anywhere, and had one within `recentMs`, is waited for so long. */
export const waitForTunnelMs = 3_000;
export const recentMs = 60_000;
