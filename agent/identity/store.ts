// The identity that this node has: its key, the certificate that the gateway signed, and the gateway's CA.
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';

export interface Identity {
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly caPem: string;
}

/** undefined unless all of it is there. */
export async function readIdentity(host: Host): Promise<Identity | undefined> {
  const [keyPem, certificatePem, caPem] = await Promise.all(
    [paths.key, paths.certificate, paths.authority].map((path) => host.files.readText(path)),
  );
  if (keyPem === undefined || certificatePem === undefined || caPem === undefined) return undefined;
  return { keyPem, certificatePem, caPem };
}

export async function writeIdentity(host: Host, identity: Omit<Identity, 'keyPem'>): Promise<void> {
  await host.files.write(paths.authority, identity.caPem, { mode: 0o644 });
  await host.files.write(paths.certificate, identity.certificatePem, { mode: 0o644 });
}
