// How a stream says that it is for a pod: `pod/UID/ADDRESS:PORT`, a v6 address in brackets. The uid says
// which pod is meant, since its address may be another pod's a moment later. Pure.

export interface PodTarget {
  readonly uid: string;
  readonly address: string;
  readonly port: number;
}

/** As the API server makes them; static pods have 32 digits without hyphens. */
const podUidPattern = /^[0-9a-f][0-9a-f-]{31,35}$/;

const form = /^pod\/([0-9a-f-]{32,36})\/(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})$/;

export function formatPodTarget({ uid, address, port }: PodTarget): string {
  return `pod/${uid}/${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export function parsePodTarget(text: string): PodTarget | undefined {
  const [, uid = '', v6, v4, digits] = form.exec(text) ?? [];
  const address = v6 ?? v4;
  const port = Number(digits);
  if (!podUidPattern.test(uid) || address === undefined || !(port >= 1 && port <= 65_535)) return undefined;
  return { uid, address, port };
}
