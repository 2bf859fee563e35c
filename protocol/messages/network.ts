// What a pool may set of the Cilium that regnode brings. All pools of a cluster share the range of pod addresses.
import { z } from 'zod';
import { imageSchema, rangeSchema } from '../grammar.ts';

export const ciliumSettingsSchema = z.strictObject({
  version: z
    .string()
    .max(32)
    .regex(/^v?[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$/)
    .optional(),
  image: imageSchema.optional(),
  operatorImage: imageSchema.optional(),
  /** Of all pods of the cluster's Cilium nodes, and how long the prefix of one node's piece is. */
  podCidr: rangeSchema.refine((range) => !range.includes(':'), { error: 'a range of IPv4' }).optional(),
  podCidrMaskSize: z.int().min(16).max(30).optional(),
  /** Default: what the line's device has, less VXLAN's 50 bytes. */
  mtu: z.int().min(1280).max(9000).optional(),
});

export type CiliumSettings = z.infer<typeof ciliumSettingsSchema>;
