// Looks at every desired resource. Changes nothing.
import type { Host } from '../host/host.ts';
import { kindOf } from './kind.ts';
import { kinds } from './kinds/index.ts';
import type { Observation } from './plan.ts';
import type { Resource } from './resource.ts';

export async function observeResources(host: Host, resources: readonly Resource[]): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const resource of resources) {
    observations.push({ resource, observed: await kindOf(kinds, resource).observe(host, resource) });
  }
  return observations;
}
