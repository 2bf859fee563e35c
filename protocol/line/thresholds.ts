// What a pool asks of the private line. Each number is a limit that `regnode netcheck` and the node's health
// are judged by; the defaults follow public guidance for hybrid nodes (≤ 200 ms, ≥ 100 Mbit/s).
import { z } from 'zod';

export const lineThresholdsSchema = z.strictObject({
  /** Median round trip. */
  rttMs: z.number().min(1).max(60_000).default(200),
  /** Mean difference of neighbouring round trips. */
  jitterMs: z.number().min(1).max(60_000).default(50),
  lossPercent: z.number().min(0).max(100).default(1),
  /** What a pod's interface may send; VXLAN adds 50 bytes. 0: the MTU of the line's device less 50. */
  podMtuBytes: z.number().int().min(0).max(65_485).default(0),
  clockOffsetMs: z.number().min(1).max(3_600_000).default(1000),
  /** In the slower direction; 0: any. */
  throughputMbps: z.number().min(0).max(1_000_000).default(100),
});

export type LineThresholds = z.infer<typeof lineThresholdsSchema>;
export const defaultThresholds: LineThresholds = lineThresholdsSchema.parse({});

/** Outer Ethernet header, IPv4, UDP, VXLAN: what an encapsulated packet is larger than the pod's. */
export const vxlanOverheadBytes = 50;
