// The custom resource NodePool: what all of its nodes are to be. One zod schema gives the type, the defaults
// and (by kubernetes/schema.ts) the schema of the CRD, so the API server refuses what we would refuse.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  addressSchema,
  domainSchema,
  httpUrlSchema,
  imageSchema,
  labelsSchema,
  taintsSchema,
  versionSchema,
  whatIsWrong,
} from '../../protocol/grammar.ts';
import { lineThresholdsSchema } from '../../protocol/line/thresholds.ts';
import {
  apiServerAccessSchema,
  driftPolicySchema,
  kubeletAccessSchema,
  leastRateBytesPerSecond,
  networkModeSchema,
  upgradeDrainSchema,
} from '../../protocol/messages/desired.ts';
import { ciliumSettingsSchema } from '../../protocol/messages/network.ts';
import { nodeContainerdSettings, nodeKubeletSettings } from '../../protocol/messages/node-settings.ts';
import type { Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import { parseRange } from './address.ts';
import { rolloutStatusSchema } from './rollout-status.ts';

export const apiVersion = 'regnode.io/v1alpha1';

const nodeCidrSchema = z
  .string()
  .max(49)
  .regex(/^[0-9A-Fa-f:.]+\/[0-9]{1,3}$/, 'must be ADDRESS/LENGTH')
  .refine((text) => parseRange(text) !== undefined, 'must be a range of addresses, e.g. 10.77.0.0/16');

export const poolSpecSchema = z.strictObject({
  kubernetesVersion: versionSchema.describe('Version of the kubelet, e.g. v1.32.4.'),
  network: z
    .strictObject({
      mode: networkModeSchema.default('cilium'),
      cilium: ciliumSettingsSchema.optional(),
    })
    .prefault({})
    .describe('cilium: regnode brings Cilium; external: the cluster brings its own CNI.'),
  apiServerAccess: apiServerAccessSchema
    .default('direct')
    .describe('How kubelets reach the API server: direct, or tunnel (through the agent and this gateway).'),
  kubeletAccess: kubeletAccessSchema
    .optional()
    .describe(
      'How kubelets are reached: tunnel (they listen on 127.0.0.1 alone), or direct (on all addresses of the host). Default: tunnel where the gateway has an egress for the API server.',
    ),
  labels: labelsSchema.default({}).describe('Labels of every node of the pool.'),
  taints: taintsSchema.default([]).describe('Taints of every node of the pool.'),
  nodeCidrs: z
    .array(nodeCidrSchema)
    .max(64)
    .default([])
    .describe(
      'Ranges of the addresses that its hosts have. A host whose join does not come from its own address (behind NAT, a proxy or a balancer) may claim one in these, if nobody else has it.',
    ),
  maxNodes: z.int().min(0).max(5000).default(5000).describe('A join above this is refused.'),
  kubelet: z
    .strictObject({
      clusterDns: z.array(addressSchema).max(8).default([]),
      clusterDomain: domainSchema.default('cluster.local'),
      maxPods: z.int().min(1).max(1000).default(110),
      ...nodeKubeletSettings,
    })
    .prefault({}),
  containerd: z
    .strictObject({
      sandboxImage: imageSchema.default('registry.k8s.io/pause:3.9'),
      ...nodeContainerdSettings,
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      heartbeatIntervalMs: z.int().min(1000).max(300_000).default(10_000),
      metricsIntervalMs: z.int().min(1000).max(300_000).default(10_000),
    })
    .prefault({}),
  line: lineThresholdsSchema
    .prefault({})
    .describe('Limits of the private line: regnode netcheck and the health of nodes are judged by them.'),
  downloads: z
    .strictObject({
      mirrors: z.array(httpUrlSchema).max(8).default([]),
      rateLimitBytesPerSecond: z.int().min(leastRateBytesPerSecond).optional(),
    })
    .prefault({})
    .describe(
      'Mirrors of the artifact store, tried in turn before the gateway, and a rate for all downloads of a host.',
    ),
  componentVersions: z
    .strictObject({
      containerd: versionSchema.optional(),
      runc: versionSchema.optional(),
      cniPlugins: versionSchema.optional(),
      agent: versionSchema.optional(),
    })
    .prefault({})
    .describe('Default: the newest in the artifact store.'),
  certificateGraceDays: z
    .int()
    .min(0)
    .max(3650)
    .default(90)
    .describe('A host that was off while its certificate expired may still renew it for so many days.'),
  driftPolicy: driftPolicySchema
    .default('repair')
    .describe('What to do about a change that somebody made on a host by hand.'),
  driftIntervalMs: z
    .int()
    .min(5000)
    .max(86_400_000)
    .default(300_000)
    .describe('How often a host is compared with what it should be.'),
  upgrade: z
    .strictObject({
      maxUnavailable: z.int().min(1).max(1000).default(1).describe('Nodes that are upgraded at a time.'),
      healthTimeoutMs: z
        .int()
        .min(10_000)
        .max(3_600_000)
        .default(300_000)
        .describe('A new version that is not healthy within this time is taken back.'),
      drain: upgradeDrainSchema
        .default('minor')
        .describe(
          'Pods are moved away before another kubelet starts: always, for another minor version, never.',
        ),
      paused: z.boolean().default(false).describe('No further node begins.'),
      toleratedFailures: z
        .int()
        .min(0)
        .default(0)
        .describe('The rollout stands still when more nodes than this had to take a version back.'),
    })
    .prefault({}),
});

export type PoolSpec = z.infer<typeof poolSpecSchema>;
export type PoolSpecInput = z.input<typeof poolSpecSchema>;

export const poolStatusSchema = z.strictObject({
  nodes: z.int().optional(),
  connected: z.int().optional(),
  ready: z.int().optional(),
  rollout: rolloutStatusSchema.optional(),
});

export interface PoolObject extends KubernetesObject {
  readonly spec: PoolSpecInput;
  readonly status?: z.infer<typeof poolStatusSchema>;
}

export const nodePools: Kind<PoolObject> = {
  apiVersion,
  kind: 'NodePool',
  plural: 'nodepools',
  namespaced: false,
};

/** The spec with its defaults; an object from before a change of the schema may be wrong. */
export function poolSpec(pool: PoolObject): PoolSpec {
  const parsed = poolSpecSchema.safeParse(pool.spec);
  if (parsed.success) return parsed.data;
  const detail = `spec.${whatIsWrong(parsed.error.issues[0], pool.spec)}`;
  throw new Fault('POOL_INVALID', { pool: pool.metadata.name, detail });
}
