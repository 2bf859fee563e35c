// The CRDs NodePool and RegisteredNode: cluster scoped, a status subresource each, columns for kubectl get.
import type { z } from 'zod';
import { poolSpecSchema } from '../../protocol/settings/pool.ts';
import type { CustomResourceDefinition, Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import { nodePools, type PoolObject, poolStatusSchema } from './node-pool.ts';
import {
  type RegisteredNode,
  registeredNodeSpecSchema,
  registeredNodeStatusSchema,
  registeredNodes,
} from './registered-node.ts';
import { structuralSchema } from './schema.ts';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  /** 1: only with -o wide. */
  readonly priority?: number;
}

let made: readonly CustomResourceDefinition[] | undefined;

/**
 * Made when they are first asked for: most commands do without, and it takes longer than all else of them.
 */
export function resourceDefinitions(): readonly CustomResourceDefinition[] {
  made ??= makeDefinitions();
  return made;
}

/** Their names alone: `nodepools.regnode.io`. */
export const resourceNames: readonly string[] = [nodePools, registeredNodes].map(definitionName);

function makeDefinitions(): readonly CustomResourceDefinition[] {
  return [
    definition({
      kind: nodePools,
      singular: 'nodepool',
      shortNames: ['rnp'],
      spec: poolSpecSchema,
      status: poolStatusSchema,
      columns: [
        { name: 'Version', type: 'string', jsonPath: '.spec.kubernetesVersion' },
        { name: 'Network', type: 'string', jsonPath: '.spec.network.mode' },
        { name: 'Nodes', type: 'integer', jsonPath: '.status.nodes' },
        { name: 'Ready', type: 'integer', jsonPath: '.status.ready' },
        { name: 'Max', type: 'integer', jsonPath: '.spec.maxNodes' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
    }),
    definition({
      kind: registeredNodes,
      singular: 'registerednode',
      shortNames: ['rn'],
      spec: registeredNodeSpecSchema,
      status: registeredNodeStatusSchema,
      columns: [
        { name: 'Pool', type: 'string', jsonPath: '.spec.pool' },
        { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
        { name: 'Tunnel', type: 'boolean', jsonPath: '.status.tunnel.connected' },
        { name: 'Ready', type: 'string', jsonPath: '.status.ready' },
        { name: 'Address', type: 'string', jsonPath: '.spec.addresses[0]' },
        { name: 'OS', type: 'string', jsonPath: '.status.facts.os.prettyName', priority: 1 },
        { name: 'Agent', type: 'string', jsonPath: '.status.facts.agentVersion', priority: 1 },
        { name: 'Detail', type: 'string', jsonPath: '.status.detail', priority: 1 },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      ],
    }),
  ];
}

export function definitionName({
  apiVersion,
  plural,
}: Pick<Kind<KubernetesObject>, 'apiVersion' | 'plural'>): string {
  return `${plural}.${apiVersion.split('/')[0]}`;
}

function definition(resource: {
  kind: Kind<PoolObject> | Kind<RegisteredNode>;
  singular: string;
  shortNames: readonly string[];
  spec: z.ZodType;
  status: z.ZodType;
  columns: readonly Column[];
}): CustomResourceDefinition {
  const [group, version] = resource.kind.apiVersion.split('/');
  return {
    metadata: { name: definitionName(resource.kind), labels: { 'app.kubernetes.io/name': 'regnode' } },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        kind: resource.kind.kind,
        listKind: `${resource.kind.kind}List`,
        plural: resource.kind.plural,
        singular: resource.singular,
        shortNames: resource.shortNames,
        categories: ['regnode'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: resource.columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              required: ['spec'],
              properties: {
                spec: structuralSchema(resource.spec),
                status: structuralSchema(resource.status),
              },
            },
          },
        },
      ],
    },
  };
}
