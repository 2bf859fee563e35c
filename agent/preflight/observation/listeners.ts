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

/** Seven million sockets: of a host that has more, or whose users made them, the rest is not looked at. */
const tableLimitBytes = 1024 ** 3;

/** Those at one of these ports. A host may have hundreds of thousands of sockets: they are read in pieces. */
async function listeners(
  host: Host,
  protocol: Listener['protocol'],
  ports: ReadonlySet<number>,
): Promise<readonly Listener[]> {
  const found: Listener[] = [];
  const look = (rows: string) => {
    found.push(...parseSockets(protocol, rows).filter(({ port }) => ports.has(port)));
  };
  for (const path of [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]) {
    if (!(await host.files.exists(path))) continue; // no IPv6 here
    let rest = '';
    for await (const bytes of host.files.readStream(path, 0, tableLimitBytes)) {
      const text = rest + Buffer.from(bytes).toString('latin1');
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      look(text.slice(0, end));
    }
    look(rest);
  }
  return found;
}

/** Of rows of a table, its head may be among them. */
export function parseSockets(protocol: Listener['protocol'], rows: string): readonly Listener[] {
  const wanted = ` ${waiting[protocol]} `;
  return rows.split('\n').flatMap((line) => {
    if (!line.includes(wanted)) return [];
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
  const all = await listeners(host, protocol, new Set(wanted));
  const taken = await Promise.all(
    wanted.map(async (port) => {
      const socket = all.find((one) => one.port === port);
      if (socket) return { port, holder: (await holderOf(host, socket.inode)) ?? '?' };
      return (await host.network.canListen(port, protocol)) ? undefined : { port, holder: '?' };
    }),
  );
  return taken.filter((one) => one !== undefined);
}
