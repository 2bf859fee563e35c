// Checks a host's certificate request: its own signature (it holds the key), the kind of key, and that the
// name in it is the one that is asked for. Nothing else in it is believed; the certificate is made anew.
import { createHash, type webcrypto } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { Pkcs10CertificateRequest } from '../../protocol/messages/x509.ts';

export interface CheckedRequest {
  readonly publicKey: webcrypto.CryptoKey;
  /** SHA-256 of the SubjectPublicKeyInfo: what a node's identity hangs on. */
  readonly keySha256: string;
}

/** One of a P-256 key and a name has five hundred; what is long can be of thousands of parts. */
const longestCharacters = 2048;

export async function checkCertificateRequest(pem: string, nodeName: string): Promise<CheckedRequest> {
  if (pem.length > longestCharacters) throw new Fault('CSR_REFUSED', { detail: 'it is too long' });
  const request = parse(pem);
  const algorithm = request.publicKey.algorithm as { name?: string; namedCurve?: string };
  if (algorithm.name !== 'ECDSA' || algorithm.namedCurve !== 'P-256') {
    throw new Fault('CSR_REFUSED', { detail: 'its key is not ECDSA P-256' });
  }
  const names = request.subjectName.getField('CN');
  if (names.length !== 1 || names[0] !== nodeName) {
    throw new Fault('CSR_REFUSED', { detail: `its subject is "${request.subject.slice(0, 80)}"` });
  }
  if (!(await request.verify().catch(() => false))) {
    throw new Fault('CSR_REFUSED', { detail: 'its signature is wrong' });
  }
  return {
    publicKey: await request.publicKey.export(),
    keySha256: createHash('sha256').update(Buffer.from(request.publicKey.rawData)).digest('hex'),
  };
}

function parse(pem: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(pem);
  } catch (cause) {
    throw new Fault('CSR_REFUSED', { detail: 'it is no PKCS #10 request' }, { cause });
  }
}
