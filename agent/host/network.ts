// What the kernel says about interfaces and routes, and small probes: connect to a port, see whether one can
// be bound. Nothing here keeps a socket open.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Answerers } from './answering.ts';
import { openDatagrams } from './datagrams.ts';
import { get } from './get.ts';
import type { HostNetwork, NetworkInterface } from './host.ts';
import { probeHttps } from './https-probe.ts';
import { listenerAt } from './listeners.ts';
import { ProcessSockets } from './process-sockets.ts';
import { systemProcesses } from './processes.ts';
import { parseInterfaceNames, parseRoute } from './routes.ts';
import { SocketOwners } from './socket-owners.ts';

const socketOwners = new SocketOwners();
const answerers = new Answerers({
  ownerOf: (own, other) => socketOwners.ownerOf(own, other),
  listenerAt: (address) => listenerAt(address),
});

const kubelet = new ProcessSockets(async () => {
  const asked = ['show', '--property=MainPID', 'kubelet.service'];
  const { stdout } = await systemProcesses.run('systemctl', asked, { timeoutMs: 5000 });
  return Number(/^MainPID=([1-9]\d*)$/m.exec(stdout)?.[1]) || undefined;
});

export const systemNetwork: HostNetwork = {
  ownerOf: (own, other, isWanted) => socketOwners.ownerOf(own, other, isWanted),
  async isKubelets(own, other) {
    const holder = await socketOwners.holderOf(own, other);
    return holder?.uid === 0 && (await kubelet.has(holder.inode));
  },
  beforeDial: () => answerers.beforeDial(),
  async interfaces() {
    const addresses = networkInterfaces();
    const names = parseInterfaceNames(await readFile('/proc/net/dev', 'utf8'));
    return Promise.all(names.sort().map((name) => readInterface(name, addresses[name] ?? [])));
  },
  async resolve(name) {
    return (await lookup(name, { all: true })).map((found) => found.address);
  },
  connect: connectOnce,
  probeHttps,
  openDatagrams,
  get: (url, options) => get(url, options, answerers),
  canListen: (port, protocol) => (protocol === 'tcp' ? canListenTcp(port) : canListenUdp(port)),
  async routeTo(address) {
    const result = await systemProcesses.run('ip', ['-o', 'route', 'get', address], { timeoutMs: 5000 });
    return result.exitCode === 0 ? parseRoute(result.stdout) : undefined;
  },
};

async function readInterface(
  name: string,
  addresses: readonly { cidr: string | null; mac: string }[],
): Promise<NetworkInterface> {
  const read = async (file: string) =>
    (await readFile(`/sys/class/net/${name}/${file}`, 'utf8').catch(() => '')).trim();
  return {
    name,
    mtu: Number((await read('mtu')) || 0),
    state: (await read('operstate')) || 'unknown',
    macAddress: (await read('address')) || (addresses[0]?.mac ?? ''),
    addresses: addresses.map((address) => address.cidr).filter((cidr) => cidr !== null),
  };
}

function connectOnce(address: string, port: number, timeoutMs: number): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    socket.once('connect', () => {
      socket.destroy();
      resolve(performance.now() - startedMs);
    });
    socket.once('timeout', () => {
      socket.destroy(Object.assign(new Error(`connect ETIMEDOUT ${address}:${port}`), { code: 'ETIMEDOUT' }));
    });
    socket.once('error', reject);
  });
}

function canListenTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function canListenUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
