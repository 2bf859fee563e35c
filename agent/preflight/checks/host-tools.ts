// Programs that the kubelet and its plugins call by name. Only looked for, never started.
import type { Host } from '../../host/host.ts';
import { define, fail, ok, warn } from '../check.ts';

const directories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const required = ['mount', 'umount', 'ip', 'nsenter'];
const recommended = ['iptables', 'conntrack', 'ethtool', 'socat', 'tc'];

export const hostTools = define({
  code: 'HOST_TOOLS',
  id: 'host-tools',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const [needed, useful] = await Promise.all([absent(host, required), absent(host, recommended)]);
    const threshold = [...required, ...recommended].join(' ');
    if (needed.length > 0) {
      return fail('missing', `without ${needed.join(' ')}`, threshold, { tools: needed.join(' ') });
    }
    if (useful.length > 0) {
      return warn('recommended', `without ${useful.join(' ')}`, threshold, { tools: useful.join(' ') });
    }
    return ok(threshold);
  },
});

async function absent(host: Host, tools: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(tools.map((tool) => findTool(host, tool)));
  return tools.filter((_, index) => !found[index]);
}

async function findTool(host: Host, tool: string): Promise<boolean> {
  const found = await Promise.all(directories.map((path) => host.files.exists(`${path}/${tool}`)));
  return found.includes(true);
}
