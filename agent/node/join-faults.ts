// What the fault that ended a join means for the host and for the registration.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { FaultCode } from '../../protocol/catalogue/index.ts';

/** What somebody has to change before another try can end better: the host is left as it was found. */
const refusals: readonly FaultCode[] = [
  'ARTIFACT_HASH_WRONG',
  'ARTIFACT_MISSING',
  'ARTIFACT_NOT_SIGNED',
  'MANIFEST_NOT_TRUSTED',
  'MANIFEST_EXPIRED',
  'MANIFEST_ROLLED_BACK',
  'MANIFEST_INVALID',
  'PATH_PROTECTED',
  'NO_SPACE',
  'NO_INODES',
  'DISK_QUOTA',
  'PATH_OCCUPIED',
];

/** After which nobody knows whether the node is registered. */
const unanswered: readonly FaultCode[] = [
  'GATEWAY_UNREACHABLE',
  'GATEWAY_UNAVAILABLE',
  'GATEWAY_NOT_PERMITTED',
  'KUBERNETES_UNREACHABLE',
];

/** Another try ends in the same: everything is taken back. */
export function isRefusal(error: unknown): error is Fault {
  return error instanceof Fault && refusals.includes(error.code);
}

/** The node may be registered, or not. */
export function leavesOpen(error: unknown): boolean {
  return error instanceof Fault && unanswered.includes(error.code);
}
