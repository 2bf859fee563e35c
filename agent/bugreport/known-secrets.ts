// The secrets that this host is known to have, word for word, so that none of them leaves it in
// a form that no pattern knows: regnode's and the kubelet's keys, tokens, the passwords of
// proxies. Read for comparison only.
import { paths } from '../config/paths.ts';
import { kubeletCertificate } from '../doctor/observation/cluster.ts';
import type { Host } from '../host/host.ts';
import type { JoinedNode } from '../state/joined-node.ts';
import { environmentFiles } from './environment.ts';

/** Shorter ones would be found everywhere. */
const leastLength = 6;
/** Each word of what is read is looked for in all that leaves the host. */
const limitBytes = 256 * 1024;

export async function knownSecrets(
  host: Host,
  node: JoinedNode | undefined,
  given: readonly (string | undefined)[],
): Promise<readonly string[]> {
  const read = async (path: string) =>
    (await host.files.readText(path, limitBytes).catch(() => undefined)) ?? '';
  const keys = await Promise.all([paths.key, kubeletCertificate].map(read));
  const configurations = await Promise.all([paths.kubeletBootstrap, ...environmentFiles].map(read));
  const bootstrap = node?.state.identity.bootstrap.token;
  const words = [
    ...keys.flatMap(keyLines),
    ...configurations.flatMap(valuesIn),
    ...[bootstrap, ...given].flatMap((text) =>
      text === undefined ? [] : [text, ...text.split('.').slice(1)],
    ),
  ];
  const long = [...new Set(words.map((word) => word.trim()))].filter((word) => word.length >= leastLength);
  return long.flatMap((word) => [
    ...new Set([word, encodeURIComponent(word), Buffer.from(word).toString('base64')]),
  ]);
}

/** Each line of a private key's body: one alone gives a part of it away. */
function keyLines(pem: string): string[] {
  const bodies = pem.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)-----END/g) ?? [];
  return bodies.flatMap((body) => body.split('\n').filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line)));
}

/** Tokens of kubeconfigs and passwords in the URLs of proxies. */
function valuesIn(text: string): string[] {
  const tokens = [...text.matchAll(/\b(?:token|password)"?:\s*(?:"([^"]+)"|([^\s"]+))/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
  const proxies = [...text.matchAll(/:\/\/([^\s/@"':]*):([^\s/@"']*)@/g)];
  return [...tokens, ...proxies.map((match) => match[2] ?? '')];
}
