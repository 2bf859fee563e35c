// What a pool may set of its nodes' kubelet and containerd beyond versions: the same shape in the NodePool and in the desired
// state. Everything here is optional; without it the agent computes what fits the host.
import { z } from 'zod';
import { certificatesSchema, httpUrlSchema } from '../grammar.ts';

const quantitySchema = z
  .string()
  .max(16)
  .regex(/^([0-9]{1,2}(\.[0-9]{1,2})?%|[0-9]{1,9}(Ki|Mi|Gi)?)$/);

/** Kept from pods for the kubelet, containerd and the host; each part that is set replaces the computed one. */
const reservedSchema = z.strictObject({
  cpuMillicores: z.int().min(0).max(64_000).optional(),
  memoryMiB: z.int().min(0).max(1_048_576).optional(),
  ephemeralStorageMiB: z.int().min(0).max(1_048_576).optional(),
  pids: z.int().min(0).max(1_000_000).optional(),
});

/** Signals of the kubelet's hard eviction, by their own names. */
export const evictionSignals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
] as const;
export type EvictionSignal = (typeof evictionSignals)[number];

const evictionSchema = z.strictObject({
  'memory.available': quantitySchema.optional(),
  'nodefs.available': quantitySchema.optional(),
  'nodefs.inodesFree': quantitySchema.optional(),
  'imagefs.available': quantitySchema.optional(),
});

const imageGarbageCollectionSchema = z.strictObject({
  highThresholdPercent: z.int().min(1).max(100),
  lowThresholdPercent: z.int().min(0).max(99),
});

/** One registry as images name it (`docker.io`, `registry.example.com:5000`, `*` for all others), and where to ask instead. */
const registrySchema = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^(\*|[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?)$/),
  /** Tried in this order, then the registry itself. */
  mirrors: z.array(httpUrlSchema).max(16),
  /** Roots that its own and the mirrors' certificates may lead to, beside the host's. */
  caPem: certificatesSchema.optional(),
});

export const nodeKubeletSettings = {
  reserved: reservedSchema.optional(),
  evictionHard: evictionSchema.optional(),
  imageGarbageCollection: imageGarbageCollectionSchema.optional(),
};
export const nodeContainerdSettings = {
  registries: z.array(registrySchema).max(64).optional(),
};

export type Registry = z.infer<typeof registrySchema>;
