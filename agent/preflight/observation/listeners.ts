// Who listens on a port, from /proc/net alone: asking the kernel by netlink would load modules, and binding
// the port to try would be a race with whoever wants it.
import type { Host } from '../../host/host.ts';

export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly inode: string;
}

/** State column of /proc/net/{tcp,udp}: LISTEN for TCP, an unconnected socket for UDP. */
const waiting = { tcp: '0A', udp: '07' } as const;

async function listeners(host: Host): Promise<readonly Listener[]> {
  const tables = (['tcp', 'udp'] as const).flatMap((protocol) =>
    ['', '6'].map((family) => ({ protocol, path: `/proc/net/${protocol}${family}` })),
  );
  const texts = await Promise.all(tables.map(({ path }) => host.files.readText(path)));
  return tables.flatMap(({ protocol }, index) => parseSockets(protocol, texts[index] ?? ''));
}

export function parseSockets(protocol: 'tcp' | 'udp', table: string): readonly Listener[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      return state === waiting[protocol] && Number.isInteger(port) ? [{ protocol, port, inode }] : [];
    });
}

/** `name (pid)` of the process that holds a socket, when /proc lets us see it. */
async function holderOf(host: Host, inode: string): Promise<string | undefined> {
  const pids = ((await host.files.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holds(host, pid, `socket:[${inode}]`))) continue;
    const name = (await host.files.readText(`/proc/${pid}/comm`).catch(() => undefined)) ?? '?';
    return `${name.trim()} (pid ${pid})`;
  }
  return undefined;
}

/** A process may have a million files open. */
const atATime = 256;

/** Processes end while we look: whatever vanishes holds nothing. */
async function holds(host: Host, pid: string, target: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const names = (await host.files.list(folder).catch(() => undefined)) ?? [];
  for (let at = 0; at < names.length; at += atATime) {
    const some = names.slice(at, at + atATime);
    const found = await Promise.all(
      some.map((name) => host.files.status(`${folder}/${name}`).catch(() => undefined)),
    );
    if (found.some((status) => status?.target === target)) return true;
  }
  return false;
}

/** The ports of `wanted` that somebody has, each with its holder. */
export async function takenPorts(
  host: Host,
  protocol: 'tcp' | 'udp',
  wanted: readonly number[],
): Promise<readonly { port: number; holder: string }[]> {
  const all = await listeners(host);
  const taken = await Promise.all(
    wanted.map(async (port) => {
      const socket = all.find((one) => one.protocol === protocol && one.port === port);
      if (socket) return { port, holder: (await holderOf(host, socket.inode)) ?? '?' };
      return (await host.network.canListen(port, protocol)) ? undefined : { port, holder: '?' };
    }),
  );
  return taken.filter((one) => one !== undefined);
}
