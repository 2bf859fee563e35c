// Streams that an agent opens: from the kubelet's side of the listener to an API server, over a real tunnel.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProcessSockets } from '../../../agent/host/process-sockets.ts';
import { SocketOwners } from '../../../agent/host/socket-owners.ts';
import { ApiServerListener } from '../../../agent/tunnel/api-server.ts';
import type { Tunnel } from '../../../agent/tunnel/tunnel.ts';
import { type ApiServerWayOptions, apiServerWay } from '../../../gateway/tunnel/api-server.ts';
import type { Fault } from '../../../protocol/catalogue/fault.ts';
import type { StreamAudit } from '../../../protocol/tunnel/audit.ts';
import { realClock } from '../../../protocol/tunnel/clock.ts';
import { Loopback, readAll, silent, startTarget, until } from './loopback.ts';

let loopback: Loopback;
let agentAudit: StreamAudit[];
let gatewayAudit: StreamAudit[];
let port: number;
let tunnel: Tunnel;

beforeEach(() => {
  [agentAudit, gatewayAudit] = [[], []];
});
afterEach(() => loopback?.close());

const owners = new SocketOwners();
/** Where nothing is said of the kubelet, everything of root's is its. */
const isKubelets = async () => true;

/** A gateway whose API server behaves so, an agent, and its listener on a free port. */
async function start(serve: (socket: Socket) => void, way: Partial<ApiServerWayOptions> = {}): Promise<void> {
  const apiServer = await startTarget(serve);
  const onOffer = apiServerWay({
    apiServerUrl: `https://127.0.0.1:${apiServer.port}`,
    isAllowed: () => true,
    audit: (record) => gatewayAudit.push(record),
    ...way,
  });
  loopback = await Loopback.start({}, {}, { onOffer });
  loopback.defer(() => apiServer.close());
  tunnel = await loopback.agent();
  port = await freePort();
  await listener().setAccess('tunnel');
}

function listener(
  change: Partial<ConstructorParameters<typeof ApiServerListener>[0]> = {},
): ApiServerListener {
  const stop = new AbortController();
  loopback.defer(() => stop.abort());
  return new ApiServerListener({
    host: { network: { ownerOf: (...ends) => owners.ownerOf(...ends), isKubelets } },
    uid: process.getuid?.() ?? 0,
    tunnel,
    nodeName: 'idc-1',
    audit: (record) => agentAudit.push(record),
    logger: silent,
    signal: stop.signal,
    address: { host: '127.0.0.1', port },
    ...change,
  });
}

function dial(): Socket {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  loopback.defer(() => socket.destroy());
  return socket;
}

/** How a connection ended that nobody carried. */
async function fate(socket: Socket): Promise<string> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

async function refusal(target: string): Promise<Fault> {
  return tunnel.openStream({ target, reason: 'a test' }).then(
    () => expect.unreachable(),
    (fault: Fault) => fault,
  );
}

describe('connections of others than root', () => {
  let logged: Record<string, unknown>[];
  const closed = (socket: Socket) =>
    new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
  /** From an address that stands for another uid. */
  const nobody = (): Socket => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    loopback.defer(() => socket.destroy());
    return socket.on('error', () => undefined);
  };
  const isCarried = (socket: Socket) =>
    Promise.race([
      new Promise<boolean>((resolve) => socket.once('data', () => resolve(true))),
      closed(socket).then(() => false),
    ]);

  async function startJudging(
    change: Partial<ConstructorParameters<typeof ApiServerListener>[0]> = {},
  ): Promise<void> {
    logged = [];
    await start((socket) => socket.pipe(socket));
    port = await freePort();
    const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
    const ownerOf = async ({ address }: { address: string }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return address === '127.0.0.2' ? 65_534 : 0;
    };
    const logger = pino({ level: 'warn' }, destination);
    const host = { network: { ownerOf, isKubelets } };
    await listener({ uid: 0, logger, host, ...change }).setAccess('tunnel');
  }

  test('are reset before a byte of them goes anywhere; root’s go on, and few lines say so', async () => {
    await startJudging();
    const held = dial();
    held.write('before');
    await once(held, 'data');
    for (let round = 0; round < 10; round++) {
      const many = Array.from({ length: 70 }, nobody);
      for (const socket of many) socket.write('x');
      const kubelet = dial();
      kubelet.write('hello');
      expect(String((await once(kubelet, 'data'))[0])).toBe('hello');
      kubelet.destroy();
      await Promise.all(many.map(closed));
    }
    held.write('after');
    expect(String((await once(held, 'data'))[0])).toBe('after');
    expect(agentAudit.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
    expect(logged).toMatchObject([{ why: 'of uid 65534', unsaid: 0 }]);
  });

  test('more of them than are looked at do not keep root out for good', async () => {
    await startJudging({ unknownLimit: 256 });
    const many = Array.from({ length: 600 }, nobody);
    let carried = false;
    for (let attempt = 0; attempt < 50 && !carried; attempt++) {
      const kubelet = dial();
      kubelet.on('error', () => undefined).write('hello');
      carried = await isCarried(kubelet);
    }
    expect(carried).toBe(true);
    await Promise.all(many.map(closed));
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.length).toBeLessThan(5);
  });

  test('two thousand of them, while nobody knows whose they are, cost root no dial', async () => {
    let asked = 0;
    const answer = Promise.withResolvers<void>();
    const ownerOf = async ({ address }: { address: string }) => {
      asked += 1;
      await answer.promise;
      return address === '127.0.0.2' ? 65_534 : 0;
    };
    await startJudging({ host: { network: { ownerOf, isKubelets } } });
    const kubelets = Array.from({ length: 10 }, () => dial().on('error', () => undefined));
    for (const kubelet of kubelets) kubelet.write('hello');
    await until(() => asked === 10, 30_000);
    const many = Array.from({ length: 2000 }, nobody);
    await until(() => asked === 2010, 30_000);
    const carried = Promise.all(kubelets.map(isCarried));
    answer.resolve();
    expect(await carried).toEqual(kubelets.map(() => true));
    await Promise.all(many.map(closed));
  });

  test('those that are gone are not asked about any more', async () => {
    const wanted: (() => boolean)[] = [];
    const answer = Promise.withResolvers<void>();
    const ownerOf = async (_own: unknown, _other: unknown, isWanted: () => boolean = () => true) => {
      wanted.push(isWanted);
      await answer.promise;
      return 65_534;
    };
    await startJudging({ unknownLimit: 5, host: { network: { ownerOf, isKubelets } } });
    const many = Array.from({ length: 50 }, nobody);
    await until(() => wanted.length === 50, 30_000);
    await until(() => wanted.filter((isWanted) => isWanted()).length === 5, 30_000);
    answer.resolve();
    await Promise.all(many.map(closed));
    expect(wanted.some((isWanted) => isWanted())).toBe(false);
  });

  test.runIf(process.getuid?.() === 0)('by the kernel’s own word: a process of uid 65534', async () => {
    await start((socket) => socket.pipe(socket));
    const script =
      `require('net').connect(${port}, '127.0.0.1').on('error', (error) => console.log(error.code))` +
      `.on('data', () => console.log('it got an answer')).write('x')`;
    const child = spawn('setpriv', ['--reuid=65534', '--clear-groups', process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(String((await once(child.stdout, 'data'))[0]).trim()).toBe('ECONNRESET');
    child.kill();
    expect(gatewayAudit).toEqual([]);
  });
});

test('root’s processes that hold all places they can have, and come again, keep the kubelet from nothing', async () => {
  await start((socket) => socket.pipe(socket));
  port = await freePort();
  const script =
    `const dial = () => require('net').connect(${port}, '127.0.0.1').on('error', (error) => console.log(error.code))` +
    `.on('data', () => console.log('carried')).write('x'); process.stdin.on('data', dial)`;
  const kubelet = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  let isOn = true;
  try {
    const sockets = new ProcessSockets(async () => kubelet.pid);
    const network = {
      ownerOf: (...ends: Parameters<SocketOwners['ownerOf']>) => owners.ownerOf(...ends),
      isKubelets: async (...ends: Parameters<SocketOwners['holderOf']>) =>
        sockets.has((await owners.holderOf(...ends))?.inode ?? ''),
    };
    const sharedPace = { burst: 100_000, perSecond: 1 };
    await listener({ host: { network }, sharedPace }).setAccess('tunnel');
    const others: Socket[] = [];
    loopback.defer(() => {
      isOn = false;
    });
    const come = () => {
      const socket = dial().on('error', () => undefined);
      socket.write('x');
      others.push(socket);
      socket.once('close', () => {
        others.splice(others.indexOf(socket), 1);
        if (isOn && others.length < 60) come();
      });
    };
    for (let count = 0; count < 100; count++) come();
    await until(() => others.length <= 60);
    for (let count = 1; count <= 20; count++) {
      kubelet.stdin.write('dial');
      expect(String((await once(kubelet.stdout, 'data'))[0])).toBe('carried\n');
    }
  } finally {
    kubelet.kill();
  }
});

test('a place that somebody else holds: it is told whose process that is', async () => {
  await start((socket) => socket.end());
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(line) });
  const holder = net.createServer();
  holder.listen(0, '127.0.0.1');
  await once(holder, 'listening');
  try {
    const address = holder.address() as net.AddressInfo;
    await listener({ logger, address: { host: '127.0.0.1', port: address.port } }).setAccess('tunnel');
    await until(() => lines.length > 0);
    expect(lines[0]).toContain(
      `EADDRINUSE: address already in use 127.0.0.1:${address.port}; a process of uid`,
    );
    expect(lines[0]).toContain(`a process of uid ${process.getuid?.() ?? 0} listens there`);
  } finally {
    holder.close();
  }
});

describe('refused', () => {
  test('any other target, however it is called', async () => {
    await start((socket) => socket.end());
    for (const target of ['kubelet', '127.0.0.1:22', 'api-server:443', 'API-SERVER', 'api-server ']) {
      expect(await refusal(target), target).toMatchObject({ code: 'TUNNEL_API_SERVER_REFUSED' });
    }
    expect(gatewayAudit).toHaveLength(5);
    expect(gatewayAudit[0]).toMatchObject({
      node: 'idc-1',
      target: 'kubelet',
      address: '',
      outcome: 'refused',
    });
  });

  test('a node whose pool says direct; its connection is reset at once', async () => {
    await start((socket) => socket.end(), { isAllowed: ({ pool }) => pool !== 'test' });
    expect(await fate(dial())).toBe('ECONNRESET');
    expect(agentAudit).toMatchObject([{ target: 'api-server', outcome: 'refused' }]);
    expect(agentAudit[0]?.detail).toContain('of pool test');
    expect(gatewayAudit).toMatchObject([{ outcome: 'refused', address: '' }]);
  });

  test('everything at a gateway that knows no API server', async () => {
    loopback = await Loopback.start();
    tunnel = await loopback.agent();
    expect(await refusal('api-server')).toMatchObject({ code: 'TUNNEL_API_SERVER_REFUSED' });
  });

  test('an API server that is down', async () => {
    await start((socket) => socket.end(), { apiServerUrl: `https://127.0.0.1:${await freePort()}` });
    expect(await fate(dial())).toBe('ECONNRESET');
    expect(gatewayAudit[0]?.detail).toContain('ECONNREFUSED');
  });

  test('more connections of a node than its limit, until one of them ends', async () => {
    await start((socket) => socket.pipe(socket), { connectionsPerNode: 3 });
    const open = [dial(), dial(), dial()];
    for (const socket of open) {
      socket.write('x');
      await once(socket, 'data');
    }
    expect(await fate(dial())).toBe('ECONNRESET');
    expect(agentAudit[0]?.detail).toContain('3 streams');
    open[0]?.end();
    await until(() => gatewayAudit.length === 2);
    const next = dial();
    next.write('y');
    expect(String((await once(next, 'data'))[0])).toBe('y');
  });

  test('more than its limit within a minute, one after the other, until time has passed', async () => {
    let nowMs = 1_000_000;
    const clock = { ...realClock, nowMs: () => nowMs };
    await start((socket) => socket.pipe(socket), { streamsPerMinute: 6, clock });
    const echoed = async () => {
      const socket = dial();
      socket.write('x');
      await once(socket, 'data');
      socket.destroy();
    };
    for (let count = 0; count < 6; count += 1) await echoed();
    expect(await refusal('api-server')).toMatchObject({
      code: 'TUNNEL_STREAM_RATE',
      values: { node: 'idc-1', limit: 6, seconds: 10 },
    });
    expect(gatewayAudit.filter(({ code }) => code === 'TUNNEL_STREAM_RATE')).toHaveLength(1);
    // Who is refused does not lengthen it for itself.
    nowMs += 10_000;
    await echoed();
    expect(await refusal('api-server')).toMatchObject({ code: 'TUNNEL_STREAM_RATE' });
    nowMs += 60_000;
    for (let count = 0; count < 6; count += 1) await echoed();
  });

  test('while there is no tunnel', async () => {
    await start((socket) => socket.end());
    loopback.gateway.hub.close('idc-1', 'a test');
    await until(() => tunnel.state !== 'Open');
    expect(await fate(dial())).toBe('ECONNRESET');
  });
});

describe('carried', () => {
  test('every byte of both directions, with the same record at both ends', async () => {
    await start((socket) => socket.pipe(socket));
    const bytes = randomBytes(3_000_000);
    const socket = dial();
    socket.end(bytes);
    expect(digest(await readAll(socket))).toBe(digest(bytes));
    await until(() => agentAudit.length === 1 && gatewayAudit.length === 1);
    const same = { stream: 2, node: 'idc-1', target: 'api-server', outcome: 'completed' };
    const counted = { ...same, bytesToTarget: bytes.length, bytesFromTarget: bytes.length };
    expect(agentAudit).toMatchObject([counted]);
    expect(gatewayAudit).toMatchObject([counted]);
    expect(gatewayAudit[0]?.reason).toMatch(/^connection from 127\.0\.0\.1:\d+ on idc-1$/);
    expect(gatewayAudit[0]?.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('an answer that comes after the end of the question', async () => {
    await start((socket) => {
      let asked = 0;
      socket.on('data', (chunk: Buffer) => {
        asked += chunk.length;
      });
      socket.on('end', () => socket.end(`asked ${asked}`));
    });
    const socket = dial();
    socket.end('x'.repeat(1000));
    expect((await readAll(socket)).toString()).toBe('asked 1000');
  });

  test('the end of the answer before that of the question', async () => {
    const received: Buffer[] = [];
    await start((socket) => {
      socket.end('hello');
      socket.on('data', (chunk: Buffer) => received.push(chunk));
    });
    const socket = dial();
    expect((await readAll(socket)).toString()).toBe('hello');
    socket.end('still here');
    await until(() => Buffer.concat(received).toString() === 'still here');
    await until(() => gatewayAudit.length === 1);
    expect(gatewayAudit).toMatchObject([{ outcome: 'completed' }]);
  });

  test('a reset by the API server', async () => {
    await start((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const socket = dial();
    socket.write('x');
    expect(await fate(socket)).toBe('ECONNRESET');
    await until(() => agentAudit.length === 1 && gatewayAudit.length === 1);
    expect([...agentAudit, ...gatewayAudit]).toMatchObject([{ outcome: 'reset' }, { outcome: 'reset' }]);
  });

  test('a kubelet that goes away frees the connection to the API server', async () => {
    let closed = 0;
    await start((socket) => {
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
    });
    const socket = dial();
    socket.write('x');
    await until(() => loopback.gateway.hub.figures.streams === 1);
    socket.resetAndDestroy();
    await until(() => closed === 1);
    await until(() => loopback.gateway.hub.figures.streams === 0);
    expect(tunnel.state).toBe('Open');
  });
});

describe('the listener', () => {
  test('closes for new connections with the desired state, and keeps those that are there', async () => {
    await start((socket) => socket.pipe(socket));
    port = await freePort();
    const other = listener();
    await other.setAccess('tunnel');
    await other.setAccess('tunnel');
    const socket = dial();
    socket.write('x');
    await once(socket, 'data');
    await other.setAccess('direct');
    expect(await fate(dial())).toBe('ECONNREFUSED');
    socket.write('y');
    expect(String((await once(socket, 'data'))[0])).toBe('y');
  });

  test('a port that is taken is tried again when it is free', async () => {
    await start((socket) => socket.pipe(socket));
    port = await freePort();
    const neighbour = net.createServer().listen(port, '127.0.0.1');
    await once(neighbour, 'listening');
    await listener().setAccess('tunnel');
    neighbour.close();
    await once(neighbour, 'close');
    for (;;) {
      const socket = dial();
      socket.write('x');
      const answer = await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => undefined);
      if (answer?.[0] instanceof Buffer) {
        expect(answer[0].toString()).toBe('x');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});

async function freePort(): Promise<number> {
  const { port: found, close } = await startTarget((socket) => socket.destroy());
  close();
  return found;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
