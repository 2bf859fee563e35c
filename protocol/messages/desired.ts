// The desired state of one node: what a pool wants, resolved to exact artifacts. It is all that the agent's
// planner needs; the gateway computes it, the agent compares it with the host. `revision` changes exactly
// when anything else here does. Keys that this end doesn't know are left out: the other may be newer, which
// it is whenever a gateway asks its agents to upgrade themselves.
import { z } from 'zod';
import {
  certificatesSchema,
  httpsUrlSchema,
  labelsSchema,
  noteSchema,
  poolNameSchema,
  sha256Schema,
  taintsSchema,
  versionSchema,
} from '../grammar.ts';
import { lineThresholdsSchema } from '../line/thresholds.ts';
import {
  containerdSettings,
  downloadSettings,
  kubeletSettings,
  telemetrySettings,
} from '../settings/host.ts';
import { networkModeSchema } from '../settings/network.ts';
import {
  apiServerAccessSchema,
  driftPolicySchema,
  kubeletAccessSchema,
  upgradeDrainSchema,
} from '../settings/pool.ts';

/** Nothing is waited for longer: a timer of more than 24 days is due at once in Node.js. */
const longestMs = 24 * 60 * 60_000;

/**
 * One downloadable archive. `path` is below the gateway's own URL; sizes in bytes;
 * `sha256` in lower-case hex.
 */
export const artifactSchema = z.strictObject({
  component: z.enum(['containerd', 'runc', 'kubelet', 'cni-plugins', 'crictl', 'images', 'agent']),
  version: versionSchema,
  architecture: z.enum(['amd64', 'arm64']),
  path: z
    .string()
    .max(512)
    .regex(/^\/artifacts\/[A-Za-z0-9._+~-]+$/),
  sizeBytes: z.number().int().nonnegative(),
  sha256: sha256Schema,
});

const components: readonly unknown[] = artifactSchema.shape.component.options;

function withKnownComponent(artifacts: unknown): unknown {
  if (!Array.isArray(artifacts)) return artifacts;
  return artifacts.filter((artifact: { readonly component?: unknown } | null) => {
    const component = artifact?.component;
    return typeof component !== 'string' || components.includes(component);
  });
}

/** It is one CONTROL message, whose frame takes 64 KiB (protocol/tunnel/limits.ts). */
export const desiredStateLimitBytes = 63 * 1024;

export const desiredStateSchema = z.object({
  revision: z
    .string()
    .max(64)
    .regex(/^[0-9A-Za-z._-]+$/),
  pool: poolNameSchema,
  kubernetesVersion: versionSchema,
  network: z.strictObject({ mode: networkModeSchema }),
  apiServerAccess: apiServerAccessSchema.default('direct'),
  /** A gateway that doesn't say has never asked for anything else. */
  kubeletAccess: kubeletAccessSchema.default('direct'),
  /**
   * Where hosts find the API server, and from which CAs its certificate may be: both of them while they are
   * rotated. What a gateway doesn't say is as the join was told.
   */
  apiServer: z.object({ url: httpsUrlSchema.optional(), caPem: certificatesSchema.optional() }).optional(),
  labels: labelsSchema,
  taints: taintsSchema,
  kubelet: z.strictObject(kubeletSettings),
  containerd: z.strictObject(containerdSettings),
  telemetry: z.strictObject(telemetrySettings),
  /**
   * The signed manifest that names all these artifacts; the host has verified it
   * before it believes any of them.
   */
  manifest: z.strictObject({
    serial: z.number().int().positive(),
    sha256: sha256Schema,
  }),
  /** What the pool asks of the private line. */
  line: lineThresholdsSchema.prefault({}),
  driftPolicy: driftPolicySchema.default('repair'),
  /** How often the host is compared with the desired state when nothing else makes the agent look. */
  driftIntervalMs: z.number().int().min(1000).max(longestMs).default(300_000),
  upgrade: z
    .object({
      /** A new version that isn't healthy within this time is taken back. */
      healthTimeoutMs: z.number().int().min(1000).max(longestMs).default(300_000),
      /** A version that failed is tried again when this becomes another one. */
      attempt: noteSchema.default(''),
      /**
       * The pending restart (its id, as the node told it) that is this node's turn now. A gateway that
       * doesn't say never heard of turns: then nothing waits.
       */
      restart: noteSchema.optional(),
      /** When pods are moved away before another kubelet starts. A gateway that doesn't say can't do it. */
      drain: upgradeDrainSchema.default('never'),
    })
    .prefault({}),
  /** Where archives are to be had besides the gateway, and how fast they may come. */
  downloads: z.strictObject(downloadSettings).prefault({}),
  /**
   * One artifact per component for this host's architecture; `images` may occur several times. An agent of
   * before a component existed can do nothing with it, and must not be kept by it from upgrading itself.
   */
  artifacts: z.preprocess(withKnownComponent, z.array(artifactSchema).max(256)),
});

export type NetworkMode = z.infer<typeof networkModeSchema>;
export type ToldApiServer = NonNullable<z.infer<typeof desiredStateSchema>['apiServer']>;
export type ApiServerAccess = z.infer<typeof apiServerAccessSchema>;
export type KubeletAccess = z.infer<typeof kubeletAccessSchema>;
export type DriftPolicy = z.infer<typeof driftPolicySchema>;
export type Artifact = z.infer<typeof artifactSchema>;

/** How an artifact's file is called in a store, in the tar made of one, and on a mirror. */
export function fileNameOf({ path }: Pick<Artifact, 'path'>): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export type DesiredState = z.infer<typeof desiredStateSchema>;
