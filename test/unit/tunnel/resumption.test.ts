// The connection goes away in every way that it can, and the streams go on. Limits are short; nothing here
// waits for luck: each test waits for the event that it is about.
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Tunnel } from '../../../agent/tunnel/tunnel.ts';
import { Loopback, reached, readAll, startGateway, until } from './loopback.ts';

const limits = {
  pingIntervalMs: 200,
  suspectAfterMs: 150,
  deadAfterMs: 600,
  upgradeTimeoutMs: 300,
  resumeWindowMs: 5000,
};
let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start(limits);
});
afterEach(() => loopback.close());

/**
 * A line on the way that can be cut without either end being told, and given back. Connections to it are
 * still accepted while it is cut, as by a gateway that is overloaded, so that the agent backs off here.
 */
class Line {
  port = 0;
  cut = false;
  readonly #pairs = new Set<[Socket, Socket]>();
  readonly #server: net.Server;

  constructor(to: number) {
    this.#server = net.createServer((near) => {
      const far = net.connect(to, '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
      for (const [from, into] of [pair, [far, near] as const]) {
        from.on('data', (chunk) => {
          if (!this.cut) into.write(chunk);
        });
        from.on('error', () => {});
        // When it is cut, not even an end gets through.
        from.on('close', () => {
          if (!this.cut) into.destroy();
        });
      }
    });
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as net.AddressInfo).port;
    return this;
  }

  close(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }
}

/** Counts upwards in both directions over one stream until told to stop; every number once and in order. */
class Counting {
  readonly #socket: Socket;
  #sending: NodeJS.Timeout;
  sent = 0;
  received = 0;
  wrong = '';
  #rest = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#sending = setInterval(() => {
      for (let count = 0; count < 50; count += 1) this.#socket.write(`${this.sent++}\n`);
    }, 2);
    socket.on('data', (chunk) => {
      const lines = (this.#rest + chunk.toString()).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line !== String(this.received++)) this.wrong ||= `${line} instead of ${this.received - 1}`;
      }
    });
    socket.on('close', () => clearInterval(this.#sending));
    socket.resume();
  }

  stop(): void {
    clearInterval(this.#sending);
    this.#socket.end();
  }
}

async function countingTarget(): Promise<Counting[]> {
  const ends: Counting[] = [];
  await loopback.target('kubelet', (socket) => {
    const counting = new Counting(socket);
    socket.on('end', () => counting.stop());
    ends.push(counting);
  });
  return ends;
}

async function countBothWays(): Promise<{ near: Counting; far: Counting }> {
  const ends = await countingTarget();
  const { socket } = await loopback.connect('idc-1:10250');
  const near = new Counting(socket);
  await until(() => near.received > 100 && (ends[0]?.received ?? 0) > 100);
  return { near, far: ends[0] as Counting };
}

async function finish({ near, far }: { near: Counting; far: Counting }): Promise<void> {
  near.stop();
  await until(() => far.received === near.sent && near.received === far.sent && near.received > 0);
  expect([near.wrong, far.wrong]).toEqual(['', '']);
}

async function goesOn({ near, far }: { near: Counting; far: Counting }): Promise<void> {
  const [here, there] = [near.received, far.received];
  await until(() => near.received > here + 100 && far.received > there + 100);
}

function killConnection(): void {
  loopback.gateway.sockets.at(-1)?.resetAndDestroy();
}

const resumptions = () => loopback.gateway.hub.figures.resumptions;

test('the socket is killed five times in the middle of a transfer both ways', async () => {
  await countingTarget();
  await loopback.agent();
  const both = await countBothWays();
  for (let count = 1; count <= 5; count += 1) {
    killConnection();
    await until(() => resumptions() === count, 9000);
    await goesOn(both);
  }
  await finish(both);
  expect(loopback.gateway.hub.figures).toMatchObject({ sessionsBegun: 1, violations: 0 });
}, 120_000);

test('the way is cut without a word: noticed, and back by a second connection', async () => {
  const line = await new Line(loopback.gateway.port).open();
  loopback.defer(() => line.close());
  await loopback.agent('idc-1', { url: `https://127.0.0.1:${line.port}`, limits });
  const both = await countBothWays();
  line.cut = true;
  await until(() => loopback.gateway.hub.session('idc-1')?.state === 'Resuming');
  line.cut = false;
  await until(() => resumptions() === 1, 9000);
  await goesOn(both);
  await finish(both);
}, 120_000);

test('a way that swallows everything is silence after one doubt and one attempt, long before it is dead', async () => {
  const patient = { ...limits, deadAfterMs: 600_000, upgradeTimeoutMs: 100 };
  const line = await new Line(loopback.gateway.port).open();
  loopback.defer(() => line.close());
  const tunnel = await loopback.agent('idc-1', { url: `https://127.0.0.1:${line.port}`, limits: patient });
  expect(tunnel.silentMs).toBeUndefined();
  line.cut = true;
  await until(() => tunnel.silentMs !== undefined, 9000);
  expect(tunnel.state).toBe('Open');
  expect(tunnel.silentMs).toBeGreaterThanOrEqual(limits.suspectAfterMs);
  line.cut = false;
  await until(() => tunnel.silentMs === undefined && tunnel.state === 'Open', 9000);
});

test('bulk bytes in both directions survive', async () => {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  await loopback.agent();
  const { socket } = await loopback.connect('idc-1:10250');
  const block = Buffer.from(Uint8Array.from({ length: 1_000_003 }, (_, index) => index * 7 + (index >> 8)));
  const received = readAll(socket);
  for (let count = 0; count < 20; count += 1) {
    if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
    if (count % 6 === 3) killConnection();
  }
  socket.end();
  const bytes = await received;
  expect(bytes.length).toBe(20 * block.length);
  for (let count = 0; count < 20; count += 1) {
    expect(bytes.subarray(count * block.length, (count + 1) * block.length).equals(block)).toBe(true);
  }
  expect(resumptions()).toBeGreaterThan(1);
}, 120_000);

test('a stream may be opened while the tunnel is away', async () => {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  await loopback.agent();
  killConnection();
  await until(() => loopback.gateway.hub.session('idc-1')?.state === 'Resuming');
  const { head } = await loopback.connect('idc-1:10250');
  expect(head).toContain('200');
});

test('a renewed certificate takes over without a stream noticing', async () => {
  const tunnel = await loopback.agent();
  const both = await countBothWays();
  tunnel.renew({ caPem: loopback.authority.caPem, ...(await loopback.authority.issue('idc-1')) });
  await until(() => resumptions() === 1);
  await goesOn(both);
  await finish(both);
  expect(tunnel.status.attempts).toBe(2);
}, 120_000);

describe('what cannot go on ends', () => {
  test('a gateway that has forgotten the session: streams are reset at once, the tunnel is back', async () => {
    await loopback.target('kubelet', (socket) => socket.pipe(socket));
    const tunnel = await loopback.agent();
    const { socket } = await loopback.connect('idc-1:10250');
    const ended = readAll(socket).catch(() => 'reset');
    const { port } = loopback.gateway;
    await loopback.gateway.close();
    loopback.gateway = await startGateway(loopback.authority, limits, port);
    loopback.defer(() => loopback.gateway.close());
    await loopback.sessionOf('idc-1');
    await ended;
    await until(() => loopback.agentAudit.length === 1);
    expect(loopback.agentAudit).toMatchObject([{ outcome: 'reset' }]);
    await reached(tunnel, 'Open');
    expect((await loopback.connect('idc-1:10250')).head).toContain('200');
  }, 120_000);

  test('a node that does not come back within the resume window', async () => {
    await loopback.close();
    loopback = await Loopback.start({ ...limits, resumeWindowMs: 300 });
    await loopback.target('kubelet', (socket) => socket.pipe(socket));
    const stop = new AbortController();
    const line = await new Line(loopback.gateway.port).open();
    loopback.defer(() => line.close());
    await loopback.agent('idc-1', {
      url: `https://127.0.0.1:${line.port}`,
      limits: { ...limits, resumeWindowMs: 300 },
      signal: stop.signal,
    });
    const { socket } = await loopback.connect('idc-1:10250');
    line.cut = true;
    expect(await readAll(socket).catch(() => Buffer.alloc(0))).toHaveLength(0);
    await until(() => loopback.agentAudit.length === 1);
    expect(loopback.agentAudit[0]).toMatchObject({ outcome: 'reset' });
    expect(loopback.agentAudit[0]?.detail).toContain('resume window');
    expect(loopback.gateway.hub.session('idc-1')).toBeUndefined();
    stop.abort();
  });

  test('a removed node is closed at once, streams and all', async () => {
    await loopback.target('kubelet', (socket) => socket.pipe(socket));
    await loopback.agent();
    const { socket } = await loopback.connect('idc-1:10250');
    loopback.gateway.hub.close('idc-1', 'the node was removed');
    await readAll(socket).catch(() => 'reset');
    expect(loopback.gatewayAudit).toMatchObject([{ outcome: 'reset' }]);
    expect(loopback.gatewayAudit[0]?.detail).toContain('the node was removed');
  });

  test('a process that has ended: the next one with the same certificate takes over', async () => {
    const stop = new AbortController();
    const line = await new Line(loopback.gateway.port).open();
    loopback.defer(() => line.close());
    await loopback.agent('idc-1', { url: `https://127.0.0.1:${line.port}`, signal: stop.signal, limits });
    const first = loopback.gateway.hub.session('idc-1');
    line.cut = true;
    stop.abort();
    await loopback.agent();
    await until(() => first?.state === 'Closed');
    expect(loopback.gateway.hub.figures).toMatchObject({ takeovers: 1, sessions: 1 });
  });
});

describe('draining', () => {
  test('a stream in flight ends in order, new ones go to the next gateway', async () => {
    await loopback.target('kubelet', (socket) => socket.pipe(socket));
    const first = loopback.gateway;
    const tunnel: Tunnel = await loopback.agent();
    const { socket } = await loopback.connect('idc-1:10250');
    // The second replica stands behind the same address: the first accepts nothing more.
    const drained = first.hub.drain(4000);
    const session = first.hub.session('idc-1');
    expect(session?.state).toBe('Draining');
    socket.write('still here');
    socket.end();
    expect((await readAll(socket)).toString()).toBe('still here');
    await drained;
    expect(first.hub.figures.sessions).toBe(0);
    expect(tunnel.state).not.toBe('Closed');
  }, 120_000);
});

test('an agent that stops says so: its session does not wait for it', async () => {
  const stop = new AbortController();
  await loopback.agent('idc-1', { signal: stop.signal });
  stop.abort();
  await until(() => loopback.gateway.hub.figures.sessions === 0);
  expect(loopback.gateway.hub.session('idc-1')).toBeUndefined();
});
