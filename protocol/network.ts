// What a pool may set of the Cilium that regnode brings. All pools of a cluster share the range of pod addresses.
import { z } from 'zod';

const imageSchema = z
  .string()
  .max(512)
  .regex(/^[a-z0-9][A-Za-z0-9._/:@-]*$/);

export const ciliumSettingsSchema = z.strictObject({
  version: z
    .string()
    .max(32)
    .regex(/^v?[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$/)
    .optional(),
  image: imageSchema.optional(),
  operatorImage: imageSchema.optional(),
  /** Of all pods of the cluster's Cilium nodes, and how long the prefix of one node's piece is. */
  podCidr: z
    .string()
    .regex(/^([0-9]{1,3}\.){3}[0-9]{1,3}\/[0-9]{1,2}$/)
    .optional(),
  podCidrMaskSize: z.int().min(16).max(30).optional(),
  /** Default: what the line's device has, less VXLAN's 50 bytes. */
  mtu: z.int().min(1280).max(9000).optional(),
});

export type CiliumSettings = z.infer<typeof ciliumSettingsSchema>;
