// The line that an operator pastes into a root shell of a host. It carries the trust itself: the CA is fetched unverified,
// compared with the hash in the line, and only then used to fetch the installer; the hash of the key that signs the artifacts
// is in it too, so neither gateway nor mirror decides what is installed; one `&&` chain, so nothing runs after a
// step that failed. The token is in the environment of one bash, never in an argument. curl 7.29 (el7) is enough.
import { Fault } from '../../protocol/fault.ts';

export interface JoinCommandWish {
  readonly gatewayUrl: string;
  /** Of the bytes that /cacert serves. */
  readonly caSha256: string;
  /** Of the public key that signs the artifacts. */
  readonly artifactKeySha256: string;
  readonly token: string;
  /** Of the node; default: what the host calls itself. */
  readonly nodeName?: string;
}

export function joinCommand(wish: JoinCommandWish): string {
  const { gatewayUrl, caSha256, artifactKeySha256, token, nodeName } = wish;
  const url = shellUrl(gatewayUrl);
  // The parts stand unquoted in the line, so they must be what they should be.
  if (!/^[0-9a-f]{64}$/.test(caSha256))
    throw new Fault('USAGE', { detail: 'the hash of the CA is no sha256' });
  if (!/^[0-9a-f]{64}$/.test(artifactKeySha256))
    throw new Fault('USAGE', { detail: 'the hash of the artifact key is no sha256' });
  if (!/^rt-[a-z0-9]{6}\.[a-z0-9]{32}$/.test(token)) throw new Fault('TOKEN_INVALID', { id: '?' });
  if (nodeName !== undefined && !/^[a-z0-9.-]{1,63}$/.test(nodeName)) {
    throw new Fault('NODE_NAME_INVALID', { name: nodeName });
  }
  const name = nodeName === undefined ? '' : ` --name ${nodeName}`;
  return (
    `(d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && cd "$d" && curl -fsSko ca ${url}/cacert && ` +
    `echo "${caSha256}  ca" | sha256sum -c --quiet && curl -fsSo i --cacert ca ${url}/install.sh && ` +
    `REGNODE_TOKEN=${token} bash i --gateway ${url} --ca-file "$d/ca" --artifact-key-sha256 ${artifactKeySha256}${name})`
  );
}

/** A URL that is safe in the line: nothing but a host and a port. */
function shellUrl(text: string): string {
  if (/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text)) return text;
  throw new Fault('USAGE', { detail: `"${text}" is no https://HOST[:PORT]` });
}
