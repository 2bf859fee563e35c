// Messages of the tunnel's CONTROL frames (JSON, UTF-8), and of the heartbeat. Small and rare; whatever is
// large or frequent has a frame of its own.
import { z } from 'zod';
import { shownText } from '../grammar.ts';
import { desiredStateSchema } from './desired.ts';
import { healthSchema } from './health.ts';

export const nodePhaseSchema = z.enum(['Joining', 'Configuring', 'Running', 'Degraded', 'Leaving']);

/** A version that is being tried, was taken back, or can't be had on this host. */
export const versionNoteSchema = z.object({
  component: shownText(64),
  /** The version in use, and the desired one. */
  from: shownText(64),
  to: shownText(64),
  state: z.enum(['trying', 'rolled-back', 'held']),
  /** Of the catalogue; empty while it is being tried. */
  code: shownText(64).optional(),
  detail: shownText(1024).optional(),
  at: shownText(40),
});

/** Something on the host that isn't as it was made; `repaired` says whether it is again. */
export const driftNoteSchema = z.object({
  key: shownText(512),
  reason: shownText(512),
  repaired: z.boolean(),
  at: shownText(40),
});

export const controlMessageSchema = z.discriminatedUnion('kind', [
  /** gateway → agent: the pool's desired state has changed (also sent once after every new session). */
  z.strictObject({ kind: z.literal('desired'), desired: desiredStateSchema }),
  /** gateway → agent: the node is to be removed; the agent runs its own `leave` and deregisters. */
  z.strictObject({ kind: z.literal('leave'), reason: shownText(1024) }),
  /** gateway → agent: the CA was rotated; these are the roots to trust from now on, the one that signs first. */
  z.strictObject({ kind: z.literal('authority'), caPem: z.string().max(1024 * 1024) }),
  /** agent → gateway: what the node is now; sent at start and whenever it changes. */
  z.object({
    kind: z.literal('report'),
    phase: nodePhaseSchema,
    revision: shownText(64),
    versions: z.record(z.string(), shownText(128)),
    detail: shownText(2048),
    /** What ails the node; absent while the agent has not looked at everything yet. */
    health: healthSchema.optional(),
    upgrades: z.array(versionNoteSchema).max(20).optional(),
    drift: z.array(driftNoteSchema).max(50).optional(),
  }),
]);

/** The latest-value heartbeat, sent every `heartbeatIntervalMs`. Times in ms since the Unix epoch, sizes in bytes. */
const heartbeatSchema = z.strictObject({
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

export type VersionNote = z.infer<typeof versionNoteSchema>;
export type DriftNote = z.infer<typeof driftNoteSchema>;
export type NodePhase = z.infer<typeof nodePhaseSchema>;
export type ControlMessage = z.infer<typeof controlMessageSchema>;
export type Heartbeat = z.infer<typeof heartbeatSchema>;
