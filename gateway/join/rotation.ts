// Rotation of the gateway's CA. From one moment on new node certificates come from a new root, while the old
// one stays trusted until a date, so that every node has time to renew and hosts that are off may come back.
// The running gateways notice by themselves (Authority.refresh) and tell their nodes.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { secrets } from '../kubernetes/kinds.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { Authority } from './authority.ts';
import {
  authoritySecret,
  decodeFields,
  encodeFields,
  newRoot,
  previousCertificate,
  previousKey,
  previousUntil,
} from './roots.ts';

export interface Rotation {
  readonly caSha256: string;
  readonly previousTrustedUntil: string;
}

/** CA_ROTATION_UNDER_WAY while two roots are trusted already: three would be one too many to reason about. */
export async function rotateAuthority(
  kubernetes: Kubernetes,
  overlapMs: number,
  now: () => number = Date.now,
): Promise<Rotation> {
  await Authority.open(kubernetes, now);
  const { pem, keyPem } = await newRoot(now());
  const until = new Date(now() + overlapMs).toISOString();
  const key = { name: authoritySecret, namespace: gatewayNamespace };
  await update(kubernetes, secrets, key, (stored) => {
    const fields = decodeFields(stored);
    const underWay = fields[previousUntil] ?? '';
    if (Date.parse(underWay) > now()) throw new Fault('CA_ROTATION_UNDER_WAY', { until: underWay });
    const before = fields['tls.crt'] ?? '';
    const rotated = {
      'ca.crt': pem + before,
      'tls.crt': pem,
      'tls.key': keyPem,
      [previousCertificate]: before,
      [previousKey]: fields['tls.key'] ?? '',
      [previousUntil]: until,
    };
    return { ...stored, data: encodeFields(rotated) };
  });
  const { caSha256 } = await Authority.open(kubernetes, now);
  return { caSha256, previousTrustedUntil: until };
}

/** After its date the old root's key is good for nothing: it goes. False when there was none to take away. */
export async function endRotation(kubernetes: Kubernetes, now: () => number = Date.now): Promise<boolean> {
  let ended = false;
  const key = { name: authoritySecret, namespace: gatewayNamespace };
  await update(kubernetes, secrets, key, (stored) => {
    const fields = decodeFields(stored);
    const until = fields[previousUntil];
    ended = until !== undefined && !(Date.parse(until) > now());
    if (!ended) return undefined;
    const { 'tls.crt': pem = '', 'tls.key': keyPem = '' } = fields;
    return { ...stored, data: encodeFields({ 'ca.crt': pem, 'tls.crt': pem, 'tls.key': keyPem }) };
  });
  return ended;
}
