// The ways to a pod that a CONNECT can be meant for, and what of a Service's endpoints can be taken. Pure.
import type { Fault } from '../../protocol/catalogue/fault.ts';
import type { PodTarget } from '../../protocol/tunnel/pod-target.ts';
import type { EndpointSlice, Pod, Service } from '../kubernetes/kinds.ts';
import { canonicalAddress } from '../resources/address.ts';
import type { ConnectTarget } from './target.ts';

export type PodWay =
  /** Through the tunnel of that registered node. */
  | { readonly node: string; readonly pod: PodTarget }
  /** This pod of the cloud, instead of its Service, of which other pods are on registered nodes. */
  | {
      readonly node?: undefined;
      readonly instead: ConnectTarget;
      /** What is answered when nobody is there. */
      readonly otherwise?: Fault;
    };

export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
  readonly node: string | undefined;
  /** Where a pod stands behind it. */
  readonly pod: string | undefined;
}

/** TCP is meant where no protocol is named. */
const isTcp = ({ protocol = 'TCP' }: { readonly protocol?: string }) => protocol === 'TCP';

/** The ready ones behind a port of the Service. */
export function endpointsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  port: number,
): readonly ServiceEndpoint[] {
  const asked = service.spec?.ports?.find((one) => one.port === port && isTcp(one));
  if (asked === undefined) return [];
  return slices.flatMap(({ ports = [], endpoints = [] }) => {
    const found = ports.find((one) => (one.name ?? '') === (asked.name ?? '') && isTcp(one))?.port;
    if (found === undefined) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses = [], nodeName, topology, targetRef }) => {
        const address = canonicalAddress(addresses[0] ?? '');
        if (address === undefined) return [];
        const node = nodeName ?? topology?.['kubernetes.io/hostname'];
        const pod = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
        return [{ address, port: found, node, pod }];
      });
  });
}

/**
 * Made by somebody who may make pods, and put there by the scheduler. A kubelet makes mirror pods on its own
 * node, with any labels, so that a Service may choose them: nothing for others is carried to those.
 */
export function isScheduled({ metadata, spec, status }: Pod): boolean {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !isOver && spec?.nodeName !== undefined && !isMirror(metadata);
}

/** NodeRestriction wants the annotation of a pod that a kubelet makes; from 1.17 on its owner is the Node. */
const isMirror = ({ annotations = {}, ownerReferences = [] }: Pod['metadata']) =>
  'kubernetes.io/config.mirror' in annotations || ownerReferences.some(({ kind }) => kind === 'Node');

export function hasAddress({ status }: Pod, address: string): boolean {
  return (status?.podIPs ?? []).some(({ ip }) => canonicalAddress(ip ?? '') === address);
}

export function declaresPort({ spec }: Pod, port: number): boolean {
  return (spec?.containers ?? []).some(({ ports = [] }) => ports.some((one) => one.containerPort === port));
}
