// The shape of roles and their bindings.
import type { KubernetesObject } from './kinds.ts';

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface RbacObject extends KubernetesObject {
  readonly rules?: readonly Rule[];
  readonly roleRef?: { apiGroup: string; kind: string; name: string };
  readonly subjects?: readonly { kind: string; name: string; namespace?: string; apiGroup?: string }[];
}
