// What the gateway keeps of a certificate request: what its decision reads, while it is undecided. Every node
// may make requests without end, with annotations of 1.5 MB of JSON each.
import type { CertificateSigningRequest } from '../kubernetes/kinds.ts';
import { requestLimitCharacters } from './kubelet-certificates.ts';

export function keptRequest({
  metadata,
  spec,
  status,
}: CertificateSigningRequest): CertificateSigningRequest | undefined {
  if (status?.conditions?.length) return undefined;
  const { name, uid, resourceVersion, creationTimestamp } = metadata;
  const { request, signerName, username, groups, usages } = spec;
  return {
    metadata: {
      name,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: {
      // What is longer is denied unread.
      request: request.length > requestLimitCharacters ? '' : request,
      signerName,
      ...(username !== undefined && { username }),
      ...(groups !== undefined && { groups }),
      // API servers before 1.22 take any, and as many: then none is one of a kubelet's.
      ...(usages !== undefined && { usages: isPlain(usages) ? usages : [] }),
    },
  };
}

/** A kubelet asks for three. */
const mostUsages = 8;
const longestUsage = 64;

function isPlain(usages: readonly string[]): boolean {
  return usages.length <= mostUsages && usages.every((usage) => usage.length <= longestUsage);
}
