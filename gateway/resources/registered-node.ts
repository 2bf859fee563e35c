// The custom resource RegisteredNode: one host that joined. The spec holds what was decided (pool, whose
// key, what an operator wants of it), the status what is. A RegisteredNode that is deleted stays, by its
// finalizer, until the host has left.
import { z } from 'zod';
import {
  addressSchema,
  componentNameSchema,
  labelsSchema,
  machineIdOrAnySchema,
  machineIdSchema,
  noteSchema,
  poolNameSchema,
  sha256Schema,
  taintsSchema,
  versionSchema,
} from '../../protocol/grammar.ts';
import { healthSeveritySchema } from '../../protocol/messages/health.ts';
import { hostFactsSchema } from '../../protocol/messages/join.ts';
import { identityConflictSchema, seenHostSchema } from '../../protocol/messages/machine.ts';
import { reportedStatusSchema } from '../../protocol/messages/report.ts';
import type { Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import { apiVersion } from './node-pool.ts';

export const leaveFinalizer = 'regnode.io/leave';

export const registeredNodeSpecSchema = z.strictObject({
  pool: poolNameSchema.describe('Name of its NodePool; fixed at the join.'),
  machineId: machineIdSchema.describe('/etc/machine-id of the host that may use this name.'),
  keySha256: sha256Schema.describe('SHA-256 of the public key (SPKI) that the node certificate is bound to.'),
  addresses: z
    .array(addressSchema)
    .max(16)
    .describe(
      'Its own addresses, the first is that of its kubelet: they lead to it, and may stand in its certificate.',
    ),
  readmission: z
    .strictObject({
      until: noteSchema.describe('When it ends, if it was not used.'),
      machineId: machineIdOrAnySchema
        .optional()
        .describe('Of the host that may; default: the one that is registered, *: any.'),
    })
    .optional()
    .describe('A host with another key may take this name, once: regnodectl node readmit.'),
  unschedulable: z.boolean().optional().describe('Cordoned.'),
  labels: labelsSchema.optional().describe('Labels of this node, above those of its pool.'),
  taints: taintsSchema.optional().describe('Taints of this node, beside those of its pool.'),
  versions: z
    .record(componentNameSchema, versionSchema)
    .optional()
    .describe('Version of each component that a rollout has asked of this node; without it, what it has.'),
  restart: noteSchema
    .optional()
    .describe('The pending restart (for other settings) that a rollout has let this node do.'),
  upgradeAttempt: noteSchema
    .optional()
    .describe('Changed by hand: versions that failed on this node are tried again.'),
});

const conditionSchema = z.strictObject({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string().optional(),
  lastTransitionTime: z.string(),
  /** Of what the agent found; conditions without it are the gateway's own. */
  severity: healthSeveritySchema.optional(),
  /** When it began, by the clock of the host. */
  since: z.string().optional(),
  /** The code that this is a consequence of. */
  cause: z.string().optional(),
});

/**
 * Keys of what the gateway has written onto a Node: labels, `key:effect` of taints,
 * and whether it was cordoned.
 */
export const appliedSchema = z.strictObject({
  labels: z.array(z.string()),
  taints: z.array(z.string()),
  unschedulable: z.boolean(),
});

export const registeredNodeStatusSchema = z.strictObject({
  /** What the agent reported last; `phase` is Joining until it does. */
  ...reportedStatusSchema.shape,
  facts: hostFactsSchema.partial().optional(),
  /** The address that its host is known by now, where that is not its own, and why. */
  addressRefused: z.strictObject({ address: z.string(), detail: z.string() }).optional(),
  /**
   * Of its addresses beside the first those that only ranges of its pool speak for: it yields each to a host
   * whose connection comes from there.
   */
  addressesByRange: z.array(z.string()).optional(),
  joinedAt: z.string().optional(),
  /** Serial numbers of the certificates that are good; any other of this node is refused. */
  certificateSerials: z.array(z.string()).optional(),
  certificateExpiresAt: z.string().optional(),
  /** Id (not the secret) of the kubelet's bootstrap token. */
  bootstrapTokenId: z.string().optional(),
  /** Uid of the Node object that this registration's kubelet made: no other is written or deleted. */
  nodeUid: z.string().optional(),
  /** Written by the gateway alone: what of that Node is the gateway's to take away again. */
  applied: appliedSchema.optional(),
  tunnel: z
    .strictObject({
      connected: z.boolean(),
      since: z.string(),
      gateway: z.string(),
      /** The host that has it, or had it last. */
      host: seenHostSchema.optional(),
    })
    .optional(),
  /** Another host asks for this node, and is refused. */
  identityConflict: identityConflictSchema.optional(),
  ready: z.enum(['True', 'False', 'Unknown', 'Absent']).optional(),
  conditions: z.array(conditionSchema).optional(),
});

export type RegisteredNodeSpec = z.infer<typeof registeredNodeSpecSchema>;
export type RegisteredNodeStatus = z.infer<typeof registeredNodeStatusSchema>;
export type Applied = z.infer<typeof appliedSchema>;
export type Condition = z.infer<typeof conditionSchema>;

export interface RegisteredNode extends KubernetesObject {
  readonly spec: RegisteredNodeSpec;
  readonly status?: RegisteredNodeStatus;
}

export const registeredNodes: Kind<RegisteredNode> = {
  apiVersion,
  kind: 'RegisteredNode',
  plural: 'registerednodes',
  namespaced: false,
};
