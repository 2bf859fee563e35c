// The file with DNS servers that a pod can reach. A pod that inherits the host's list asks itself where the
// list names a loopback address; systemd-resolved and NetworkManager keep the real list beside the one that
// leads to their own stub.
import type { HostFiles } from './host.ts';

const usual = '/etc/resolv.conf';
const candidates = [
  usual,
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
] as const;
const ownAddress = /^(127\.|0\.0\.0\.0$|::1$|::$)/;

/** `nameserver` lines, in their order. */
export function nameServers(text: string): readonly string[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, server]) => server ?? '');
}

/**
 * The first of the usual files that names a server which is not on this host itself; undefined when none
 * does.
 */
export async function resolvConfForPods(files: Pick<HostFiles, 'readText'>): Promise<string | undefined> {
  for (const path of candidates) {
    const text = (await files.readText(path)) ?? '';
    if (nameServers(text).some((server) => !ownAddress.test(server))) return path;
  }
  return undefined;
}
