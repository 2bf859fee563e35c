// The HTTPS side of the protocol: what an agent asks before it has a tunnel, and the few calls
// that a node makes with its certificate. Every refusal is `{"error":{"code","values"}}` (see
// fault.ts) with a 4xx/5xx status.
//
//   POST /v1/join              no client certificate   JoinRequest  → JoinResponse
//   POST /v1/join/token        no client certificate   {token, hasKey} → {pool, kubernetesVersion}: is it
//                              good? takes nothing
//   POST /v1/node/renew        node certificate        RenewRequest → RenewResponse (expired: in its grace)
//   POST /v1/node/drain        node certificate        DrainRequest → DrainResponse, when it or its time ends
//   GET  /v1/node/drain-plan   node certificate                     → DrainResponse (what a drain would do)
//   POST /v1/node/upgrade-drain  the same, but pods without a controller stay: the host comes back
//   POST /v1/node/uncordon     node certificate        {}           → {}
//   POST /v1/node/deregister   node certificate        {}           → {}
//   POST /v1/node/facts        node certificate        FactsRequest → FactsResponse: what the host is now
//   GET  /v1/node/status       node certificate                     → NodeStatusResponse
//   GET  /v1/node/desired      node certificate                     → DesiredState
//   GET  /healthz /cacert /install.sh /artifacts/*     none
import { z } from 'zod';
import { httpsUrlSchema, machineIdSchema, poolNameSchema, shownText, versionSchema } from '../grammar.ts';
import { desiredStateSchema } from './desired.ts';
import { hardwareSchema, identityConflictSchema, seenHostSchema } from './machine.ts';

export const protocolVersion = 1;

/** Names of nodes: RFC 1123 label or subdomain, as Kubernetes wants it, at most 63 characters. */
export const nodeNamePattern =
  /^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Facts that the host states about itself. Shown and stored, and never believed for authorisation. */
export const hostFactsSchema = z.strictObject({
  machineId: machineIdSchema,
  productUuid: shownText(64).optional(),
  /** By which a copy of this host is told from it. */
  hardware: hardwareSchema.optional(),
  hostname: shownText(253),
  os: z.strictObject({
    id: shownText(64),
    versionId: shownText(64),
    prettyName: shownText(128),
  }),
  kernelRelease: shownText(128),
  /** What the compatibility table asks besides; absent when the host could not tell. */
  cgroupVersion: z.int().min(1).max(2).optional(),
  glibc: shownText(32).optional(),
  systemd: shownText(32).optional(),
  architecture: z.enum(['amd64', 'arm64']),
  /**
   * The address that the node is known by: the source address of the private line, first; others after it.
   */
  addresses: z.array(shownText(45)).min(1).max(16),
  agentVersion: shownText(64),
});

export const joinRequestSchema = z.strictObject({
  protocolVersion: z.literal(protocolVersion),
  /** `rt-<id>.<secret>`: six and thirty-two characters of [a-z0-9]. */
  token: z.string().max(128),
  nodeName: z.string().max(253),
  /** PKCS #10, ECDSA P-256, subject CN=nodeName. */
  csrPem: z.string().max(8192),
  facts: hostFactsSchema,
});

/** `hasKey`: the host has made its key already, so a use may be its own. */
export const tokenCheckRequestSchema = z.strictObject({ token: z.string().max(128), hasKey: z.boolean() });
/** `kubernetesVersion`: of the pool, for preflight; a gateway of an older release does not tell it. */
export const tokenCheckResponseSchema = z.strictObject({
  pool: z.string(),
  kubernetesVersion: versionSchema.optional(),
});
/** A file of its own wherever it goes. */
const pemSchema = z.string().max(1024 * 1024);

export const joinResponseSchema = z.strictObject({
  protocolVersion: z.literal(protocolVersion),
  nodeName: z.string().regex(nodeNamePattern),
  pool: poolNameSchema,
  /** The node's client certificate and the gateway's CA bundle, PEM. */
  certificatePem: pemSchema,
  caPem: pemSchema,
  desired: desiredStateSchema,
  /** What the kubelet needs for its TLS bootstrap; the token serves this node alone and ends by itself. */
  bootstrap: z.strictObject({
    apiServerUrl: httpsUrlSchema,
    caPem: pemSchema,
    token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/),
  }),
});

/** A new certificate for the key that the node has; the request proves that it has it. */
export const renewRequestSchema = z.strictObject({ csrPem: z.string().max(8192) });

/** `caPem` may hold other roots than before: then the CA was rotated. */
export const renewResponseSchema = z.strictObject({ certificatePem: pemSchema, caPem: pemSchema });

/** What the host is now; which machine it is (machineId, productUuid) stays as its join told. */
export const factsRequestSchema = z.strictObject({ facts: hostFactsSchema });

export const factsResponseSchema = z.object({
  /** Those that are the node's own from now on. */
  addresses: z.array(shownText(45)).max(16),
  /** The first address is not its own, and why: then its own are as they were. */
  refused: z.object({ address: shownText(45), detail: shownText(512) }).optional(),
});

export const nodeStatusResponseSchema = z.object({
  nodeName: shownText(253),
  pool: shownText(253),
  registered: z.boolean(),
  tunnelConnected: z.boolean(),
  /** The Node object's Ready condition: True, False, Unknown, or Absent when there is no Node object yet. */
  ready: z.enum(['True', 'False', 'Unknown', 'Absent']),
  readyMessage: shownText(1024),
  /** As the Node object has them from its kubelet; empty when there is none. */
  kubeletVersion: shownText(64).optional(),
  /** When the kubelet last said so, by its own clock. */
  readyHeartbeatAt: shownText(64).optional(),
  unschedulable: z.boolean(),
  /** The host that has the tunnel, or had it last. */
  holder: seenHostSchema.optional(),
  /** Another host asks for this node and is refused. */
  identityConflict: identityConflictSchema.optional(),
});

/** Why a pod may stay although the drain is complete; any other reason is why its eviction was refused. */
export const stayReasons = {
  mirror: 'mirror pod',
  daemonSet: 'DaemonSet',
  unmanaged: 'no controller',
  terminating: 'still terminating at the time limit',
} as const;

/** How long a drain may take; without it as long as the gateway lets it. */
export const drainRequestSchema = z.strictObject({ waitMs: z.int().min(0).max(600_000).optional() });

export const drainResponseSchema = z.strictObject({
  evictedPods: z.array(shownText(512)),
  /** Pods that stayed, each with why (mirror pod, DaemonSet, disruption budget at the time limit). */
  remainingPods: z.array(z.strictObject({ pod: shownText(512), reason: shownText(512) })),
});

export type HostFacts = z.infer<typeof hostFactsSchema>;
export type FactsResponse = z.infer<typeof factsResponseSchema>;
export type JoinRequest = z.infer<typeof joinRequestSchema>;
export type TokenCheckResponse = z.infer<typeof tokenCheckResponseSchema>;
export type JoinResponse = z.infer<typeof joinResponseSchema>;
export type RenewResponse = z.infer<typeof renewResponseSchema>;
export type NodeStatusResponse = z.infer<typeof nodeStatusResponseSchema>;
export type DrainResponse = z.infer<typeof drainResponseSchema>;
