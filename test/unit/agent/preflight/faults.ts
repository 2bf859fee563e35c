// The faults of faults.test.ts: what is wrong with the host, and who has to find it.
import type { PreflightContext } from '../../../../agent/preflight/check.ts';
import type { CheckCode } from '../../../../agent/preflight/messages/index.ts';
import { gatewayUrl, type HostPatch } from '../../../fixtures/distribution.ts';
import { lineFaults } from './faults-line.ts';
import { networkFaults } from './faults-network.ts';
import { systemFaults } from './faults-system.ts';

export interface HostFault {
  readonly code: CheckCode;
  readonly problem: string;
  readonly verdict: 'warn' | 'fail';
  readonly what: string;
  readonly patch?: HostPatch;
  readonly context?: PreflightContext;
  /** Other checks whose verdict changes too, because the same fault is theirs as well. */
  readonly also?: readonly CheckCode[];
}

export const goodContext: PreflightContext = {
  gatewayUrl,
  networkMode: 'cilium',
  kubernetesVersion: 'v1.28.0',
  pool: 'idc',
  caPem: 'PEM',
  clusterCidrs: ['172.20.0.0/16', '172.21.0.0/16'],
};

export const faults: readonly HostFault[] = [...systemFaults, ...lineFaults, ...networkFaults];
