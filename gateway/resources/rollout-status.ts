// How far a pool's rollout is, as its status shows it.
import { z } from 'zod';
import { apiServerAccessSchema } from '../../protocol/settings/pool.ts';

export const rolloutStatusSchema = z.strictObject({
  state: z.enum(['Done', 'Progressing', 'Paused', 'Blocked']),
  /** Generation of the pool that this is about. */
  generation: z.int().optional(),
  target: z.record(z.string(), z.string()),
  total: z.int(),
  done: z.int(),
  /** Nodes that were asked and are not there yet. */
  updating: z.array(z.string()),
  failed: z.array(z.strictObject({ node: z.string(), code: z.string(), message: z.string() })),
  /** Nodes that will be asked when they are connected and Ready. */
  unreachable: z.array(z.string()),
  detail: z.string().optional(),
  /**
   * `tunnel`: kubelets of the pool may still reach the API server through it, also when the
   * pool does not say so any more.
   */
  apiServerAccess: apiServerAccessSchema.optional(),
});
export type RolloutStatus = z.infer<typeof rolloutStatusSchema>;
