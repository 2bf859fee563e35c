// Messages of the tunnel's CONTROL frames (JSON, UTF-8), and of the heartbeat. Small and rare; whatever is
// large or frequent has a frame of its own.
import { z } from 'zod';
import { desiredStateSchema } from './desired.ts';
import { healthSchema } from './health.ts';

export const nodePhaseSchema = z.enum(['Joining', 'Configuring', 'Running', 'Degraded', 'Leaving']);

export const controlMessageSchema = z.discriminatedUnion('kind', [
  /** gateway → agent: the pool's wish has changed (also sent once after every new session). */
  z.strictObject({ kind: z.literal('desired'), desired: desiredStateSchema }),
  /** gateway → agent: the node is to be removed; the agent runs its own `leave` and deregisters. */
  z.strictObject({ kind: z.literal('leave'), reason: z.string() }),
  /** gateway → agent: the CA was rotated; these are the roots to trust from now on, the one that signs first. */
  z.strictObject({ kind: z.literal('authority'), caPem: z.string() }),
  /** agent → gateway: what the node is now; sent at start and whenever it changes. */
  z.strictObject({
    kind: z.literal('report'),
    phase: nodePhaseSchema,
    revision: z.string(),
    versions: z.record(z.string(), z.string()),
    detail: z.string(),
    /** What ails the node; absent while the agent has not looked at everything yet. */
    health: healthSchema.optional(),
  }),
]);

/** The latest-value heartbeat, sent every `heartbeatIntervalMs`. Times in ms since the Unix epoch, sizes in bytes. */
export const heartbeatSchema = z.strictObject({
  sentAtMs: z.number(),
  uptimeSeconds: z.number(),
  load1: z.number(),
  cpuUsedRatio: z.number(),
  memoryTotalBytes: z.number(),
  memoryAvailableBytes: z.number(),
  diskFreeBytes: z.number(),
  kubeletHealthy: z.boolean(),
  containerdHealthy: z.boolean(),
  ring: z.strictObject({
    produced: z.number(),
    acknowledged: z.number(),
    pending: z.number(),
    lost: z.number(),
  }),
});

export type NodePhase = z.infer<typeof nodePhaseSchema>;
export type ControlMessage = z.infer<typeof controlMessageSchema>;
export type Heartbeat = z.infer<typeof heartbeatSchema>;
