// What not every API server serves.
import { type EndpointSlice, endpointSlices, type Kind } from './kinds.ts';
import { isFailure, type Kubernetes } from './kubernetes.ts';

/** What this API server does not serve is not there; what it refuses is an error. */
export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isFailure(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** discovery.k8s.io/v1 from 1.21 on, v1beta1 before; undefined: none. */
export async function servedEndpointSlices(
  kubernetes: Pick<Kubernetes, 'request'>,
): Promise<Kind<EndpointSlice> | undefined> {
  type Group = { versions?: readonly { version: string }[] } | undefined;
  const group = (await orAbsent(kubernetes.request('GET', '/apis/discovery.k8s.io'))) as Group;
  if (group === undefined) return undefined;
  const versions = group.versions?.map(({ version }) => version) ?? [];
  const version = versions.includes('v1beta1') && !versions.includes('v1') ? 'v1beta1' : 'v1';
  return { ...endpointSlices, apiVersion: `discovery.k8s.io/${version}` };
}
