// Who is at the other end of a connection between replicas: a certificate of the gateway's own CA
// whose URI names the replica, in its time. A node's certificate comes from the same CA and names a
// node: it opens nothing here.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { PeerCertificate } from '../join/client-certificate.ts';

const uriPattern = /^regnode:\/\/replica\/([a-z0-9][a-z0-9.-]{0,62})$/;

/** The replica's name; throws CERTIFICATE_REFUSED. */
export function identifyReplica(certificate: PeerCertificate | undefined, now: number): string {
  if (!certificate) throw refused('there is none');
  if (!certificate.authorized) throw refused(certificate.authorizationError ?? 'not from this gateway');
  if (!(certificate.expiresAtMs > now)) throw refused('it has expired');
  const [name] = certificate.uris.flatMap((uri) => uriPattern.exec(uri)?.[1] ?? []);
  if (name === undefined) throw refused('it is not that of a replica of the gateway');
  return name;
}

const refused = (detail: string) => new Fault('CERTIFICATE_REFUSED', { detail });
