// IPsec without a device: policies that take packets on their way out and encrypt them. Only asked when the
// kernel has the interface already, since asking would load its module.
import type { Host } from '../../host/host.ts';
import { contains } from './addresses.ts';
import { isPresent } from './kernel-config.ts';

interface Policy {
  readonly destination: string;
  readonly direction: string;
  readonly encrypts: boolean;
}

/** The range of the first policy that would encrypt packets to `address`. */
export async function encryptingPolicy(host: Host, address: string): Promise<string | undefined> {
  if (!(await isPresent(host, 'XFRM_USER', 'xfrm_user'))) return undefined;
  const { stdout } = await host.processes.run('ip', ['xfrm', 'policy']);
  return parsePolicies(stdout).find(
    (policy) => policy.direction === 'out' && policy.encrypts && contains(policy.destination, address),
  )?.destination;
}

/**
 * Blocks that begin with `src A dst B …`, then indented lines: `dir out …`, and `tmpl …` when it encrypts.
 */
export function parsePolicies(text: string): readonly Policy[] {
  return text.split(/^(?=src )/m).flatMap((block) => {
    const destination = /^src \S+ dst (\S+)/.exec(block)?.[1];
    const direction = /\bdir (\w+)/.exec(block)?.[1] ?? '';
    return destination === undefined ? [] : [{ destination, direction, encrypts: /\btmpl\b/.test(block) }];
  });
}
