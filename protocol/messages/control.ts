// Messages of the tunnel's CONTROL frames (JSON, UTF-8). Small and rare; whatever is large or
// frequent has a frame of its own.
import { z } from 'zod';
import { shownText } from '../grammar.ts';
import { desiredStateSchema } from './desired.ts';
import { identityConflictSchema } from './machine.ts';
import { nodeReadySchema, reportShape } from './report.ts';

export const controlMessageSchema = z.discriminatedUnion('kind', [
  /** gateway → agent: the pool's desired state has changed (also sent once after every new session). */
  z.strictObject({ kind: z.literal('desired'), desired: desiredStateSchema }),
  /** gateway → agent: the node is to be removed; the agent runs its own `leave` and deregisters. */
  z.strictObject({ kind: z.literal('leave'), reason: shownText(1024) }),
  /**
   * gateway → agent: the CA was rotated; these are the roots to trust from now on, the one that signs first.
   */
  z.strictObject({ kind: z.literal('authority'), caPem: z.string().max(1024 * 1024) }),
  /**
   * gateway → agent: how the cluster sees the node; after every new session and when it changes,
   * never of one that is removed.
   */
  z.object({
    kind: z.literal('node'),
    ready: nodeReadySchema,
    message: shownText(1024),
    /** Another host asks for this node, and is refused. */
    conflict: identityConflictSchema.optional(),
  }),
  /** agent → gateway: what the node is now; sent at start and whenever it changes. */
  z.object({ kind: z.literal('report'), ...reportShape }),
]);

export type ControlMessage = z.infer<typeof controlMessageSchema>;
