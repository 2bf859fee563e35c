// The registry of components, in the order in which a host gets them: everything is fetched before anything
// outside regnode's own folders changes, and the agent itself starts last.
import type { Resource } from '../plan/resource.ts';
import { agentComponent } from './agent/agent.ts';
import { artifactsComponent } from './artifacts/artifacts.ts';
import { ciliumComponent } from './cilium/cilium.ts';
import { cniComponent } from './cni/cni.ts';
import type { Component, DesiredNode, NodeFacts } from './component.ts';
import { containerdComponent } from './containerd/containerd.ts';
import { imagesComponent, smallImagesComponent } from './images/images.ts';
import { kubeletComponent } from './kubelet/kubelet.ts';
import { withParents } from './parents.ts';
import { runcComponent } from './runc/runc.ts';
import { systemComponent } from './system/system.ts';

const components: readonly Component[] = [
  artifactsComponent,
  systemComponent,
  ciliumComponent,
  runcComponent,
  cniComponent,
  containerdComponent,
  imagesComponent,
  kubeletComponent,
  smallImagesComponent,
  agentComponent,
];

export function planComponents(facts: NodeFacts, desiredNode: DesiredNode): Resource[] {
  return withParents(inOrder(desiredNode).flatMap((component) => component.plan(facts, desiredNode)));
}

/** What must not restart on many nodes at once, each with all that it reads at its start. */
export function restartGroups(facts: NodeFacts, desiredNode: DesiredNode): readonly (readonly Resource[])[] {
  return [containerdComponent, kubeletComponent].map((component) => component.plan(facts, desiredNode));
}

/**
 * Where the kubelet reaches its API server through the agent, the agent runs first: a kubelet that
 * finds nobody retries with growing pauses, which would cost the join up to a minute. At boot nothing
 * waits: its certificate is there, and an order in the units would have an agent that is starting wait
 * for a kubelet that waits for it.
 */
function inOrder({ desired }: DesiredNode): readonly Component[] {
  if (desired.apiServerAccess === 'direct') return components;
  return [...components.filter(({ name }) => name !== 'kubelet'), kubeletComponent];
}
