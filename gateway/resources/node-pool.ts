// The custom resource NodePool: what all of its nodes are to be. Its spec is protocol/settings/pool.ts,
// which gives the type, the defaults and (by schema.ts) the schema of the CRD, so the API server
// refuses what we would refuse.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { whatIsWrong } from '../../protocol/grammar.ts';
import { type PoolSpec, type PoolSpecInput, poolSpecSchema } from '../../protocol/settings/pool.ts';
import type { Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import { rolloutStatusSchema } from './rollout-status.ts';

export const apiVersion = 'regnode.io/v1alpha1';

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
