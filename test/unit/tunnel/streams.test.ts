// Streams over a real tunnel: CONNECT on the unix socket, wss with client certificates, TCP at the far end.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import net, { type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { background } from '../../../protocol/defect.ts';
import { Loopback, readAll, startTarget, until } from './loopback.ts';

let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start();
});
afterEach(() => loopback.close());

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function echo(): Promise<void> {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  await loopback.agent();
}

/** Reads exactly so many bytes. */
async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  socket.resume();
  while (length < bytes) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  socket.pause();
  return Buffer.concat(chunks);
}

describe('a pod of the node', () => {
  const uid = '8f3c5a04-1b2d-4c6e-9f80-5a1b2c3d4e5f';
  const named = `pod/${uid}/10.50.1.7:8443`;
  const found = { node: 'idc-1', pod: { uid, address: '10.50.1.7', port: 8443 } };
  const withPods = async () => {
    await loopback.close();
    const findPod = async ({ host }: { host: string }) => (host === '10.96.0.9' ? found : undefined);
    loopback = await Loopback.start({}, { findPod });
  };

  test('is reached through its tunnel, once the agent has found it', async () => {
    await withPods();
    await loopback.target('pod', (socket) => socket.pipe(socket));
    const port = loopback.targets.get('pod') ?? 0;
    const resolveTarget = async ({ target }: { target: string }) => {
      await turn();
      return target === named ? { host: '127.0.0.1', port } : undefined;
    };
    await loopback.agent('idc-1', { resolveTarget });
    const { head, socket } = await loopback.connect('10.96.0.9:443', 'hello');
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect((await read(socket, 5)).toString()).toBe('hello');
    socket.end();
    await until(() => loopback.gatewayAudit.length > 0);
    expect(loopback.gatewayAudit).toMatchObject([{ node: 'idc-1', target: named, address: '10.96.0.9:443' }]);
  });

  test('that the agent is still looking for when it is given up leaves one record', async () => {
    await withPods();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<void>();
    const resolveTarget = () => {
      asked.resolve();
      return promise;
    };
    await loopback.agent('idc-1', { resolveTarget });
    const nothing = () => {};
    const endpoint = {
      ...{ opened: nothing, refused: nothing, deliver: nothing, deliverEnd: nothing },
      ...{ resumeWriting: nothing, reset: nothing, finished: nothing },
    };
    const giveUp = loopback.gateway.hub.session('idc-1')?.open({ target: named, reason: '' }, endpoint);
    await asked.promise;
    giveUp?.();
    await until(() => loopback.agentAudit.length > 0);
    resolve(undefined);
    await turn();
    expect(loopback.agentAudit).toMatchObject([{ target: named, outcome: 'reset' }]);
  });

  test('that an agent of an earlier release does not know is refused by it', async () => {
    await withPods();
    await loopback.agent('idc-1', { resolveTarget: () => undefined });
    const { head } = await loopback.connect('10.96.0.9:443');
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_REFUSED/);
  });
});

describe('refused', () => {
  test("a stranger on the kubelet's port, who gets no byte", async () => {
    let received = 0;
    await loopback.target('kubelet', (socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length;
      });
    });
    await loopback.agent('idc-1', { beforeDial: () => async () => 'a process of uid 1000 answers there' });
    const { head } = await loopback.connect('idc-1:10250', 'Authorization: Bearer secret');
    expect(head).toMatch(/502 TUNNEL_TARGET_UNREACHABLE .*a process of uid 1000 answers there/);
    expect(received).toBe(0);
    expect(loopback.agentAudit).toMatchObject([{ target: 'kubelet', outcome: 'refused' }]);
  });

  test('what is no host:port', async () => {
    expect((await loopback.connect('idc-1')).head).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('a host that is no registered node', async () => {
    const { head } = await loopback.connect('db-1:5432');
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_UNKNOWN db-1:5432/);
    expect(loopback.gatewayAudit).toMatchObject([{ outcome: 'refused', address: '', bytesToTarget: 0 }]);
  });

  test('a node that has no tunnel', async () => {
    expect((await loopback.connect('idc-9:10250')).head).toMatch(/^HTTP\/1\.1 502 TUNNEL_NODE_NOT_CONNECTED/);
  });

  test("another port of a node than its kubelet's never reaches the agent", async () => {
    await echo();
    const { head } = await loopback.connect('idc-1:22');
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_PORT_REFUSED idc-1:22 .* 10250,/);
    expect(loopback.gatewayAudit).toMatchObject([{ node: 'idc-1', target: 'idc-1:22', outcome: 'refused' }]);
    expect(loopback.agentAudit).toEqual([]);
  });

  test('a target that the agent does not allow', async () => {
    await loopback.agent();
    const { head } = await loopback.connect('idc-1:10250');
    expect(head).toMatch(/^HTTP\/1\.1 502 TUNNEL_TARGET_REFUSED .* kubelet is neither/);
    await until(() => loopback.agentAudit.length === 1);
    expect(loopback.agentAudit).toMatchObject([{ target: 'kubelet', outcome: 'refused', address: '' }]);
  });

  test('a target where nobody listens', async () => {
    const { port, close } = await startTarget(() => {});
    close();
    loopback.targets.set('kubelet', port);
    await loopback.agent();
    expect((await loopback.connect('idc-1:10250')).head).toMatch(
      /502 TUNNEL_TARGET_UNREACHABLE .*ECONNREFUSED/,
    );
  });

  test('another method than CONNECT', async () => {
    const response = await new Promise<number | undefined>((resolve, reject) => {
      http
        .request({ socketPath: loopback.egress.socketPath, path: '/' }, ({ statusCode }) =>
          resolve(statusCode),
        )
        .on('error', reject)
        .end();
    });
    expect(response).toBe(405);
  });
});

describe('callers of the socket', () => {
  const raw = (text: string): Socket => {
    const socket = net.connect(loopback.egress.socketPath);
    socket.on('error', () => {});
    socket.write(text);
    loopback.defer(() => socket.destroy());
    return socket;
  };

  test('a header that never ends is cut off in time', async () => {
    await loopback.close();
    loopback = await Loopback.start({}, { headerTimeoutMs: 200 });
    const slow = raw('CONNECT idc-1:10250 HTTP/1.1\r\nX-Slow: ');
    expect((await readAll(slow)).toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a header that is too large is refused', async () => {
    const large = raw(`CONNECT idc-1:10250 HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect((await readAll(large)).toString()).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('connections beyond the limit are closed, those within go on', async () => {
    await loopback.close();
    loopback = await Loopback.start({}, { connectionsLimit: 3 });
    const first = raw('');
    await until(() => !first.connecting);
    for (const socket of [raw(''), raw('')]) await until(() => !socket.connecting);
    const fourth = raw('');
    await new Promise((resolve) => fourth.once('close', resolve));
    expect(fourth.bytesRead).toBe(0);
    first.write('CONNECT idc-9:10250 HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await readAll(first)).toString()).toContain('TUNNEL_NODE_NOT_CONNECTED');
  });

  test('only the owner may open it', async () => {
    const { mode } = await stat(loopback.egress.socketPath);
    expect(mode & 0o777).toBe(0o600);
  });
});

test('both ends audit who, what, when, how much and how it ended', async () => {
  await echo();
  const { socket } = await loopback.connect('idc-1:10250');
  socket.end('hello');
  expect((await readAll(socket)).toString()).toBe('hello');
  await until(() => loopback.agentAudit.length === 1 && loopback.gatewayAudit.length === 1);
  const record = {
    stream: 1,
    target: 'kubelet',
    reason: 'kube-apiserver CONNECT idc-1:10250',
    bytesToTarget: 5,
    bytesFromTarget: 5,
    outcome: 'completed',
  };
  expect(loopback.agentAudit).toMatchObject([
    { ...record, node: '', address: expect.stringContaining('127.0.0.1:') },
  ]);
  expect(loopback.gatewayAudit).toMatchObject([{ ...record, node: 'idc-1' }]);
});

test('half-close: the answer comes after our end', async () => {
  await loopback.target('kubelet', (socket) => {
    socket.on('data', () => {}).on('end', () => socket.end('all read'));
  });
  await loopback.agent();
  const { socket } = await loopback.connect('idc-1:10250');
  socket.end('question');
  expect((await readAll(socket)).toString()).toBe('all read');
});

test('half-close the other way round: the far end is done, we go on', async () => {
  let received = '';
  await loopback.target('kubelet', (socket) => {
    socket.end('greeting');
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
  });
  await loopback.agent();
  const { socket } = await loopback.connect('idc-1:10250');
  expect((await readAll(socket)).toString()).toBe('greeting');
  socket.end('late news');
  await until(() => received === 'late news');
});

test('bytes right behind the CONNECT arrive first', async () => {
  await echo();
  const { head, socket } = await loopback.connect('idc-1:10250', 'early ');
  expect(head).toBe('HTTP/1.1 200 Connection established');
  socket.end('and late');
  expect((await readAll(socket)).toString()).toBe('early and late');
});

test('an upgraded connection is only bytes, in both directions at any time', async () => {
  await loopback.target('kubelet', (socket) => {
    socket.once('data', () => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n\x80\x03first',
      );
      socket.on('data', (chunk) => socket.write(chunk));
    });
  });
  await loopback.agent();
  const { socket } = await loopback.connect('idc-1:10250');
  socket.write('POST /exec HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n\r\n');
  expect((await read(socket, 80)).toString()).toContain('\r\n\r\n');
  socket.write('\x00keys');
  expect((await read(socket, 5)).toString()).toBe('\x00keys');
});

test('a reset at the far end resets this stream and no other', async () => {
  await loopback.target('kubelet', (socket) => {
    socket.on('data', (chunk) => {
      if (chunk.toString() === 'die') socket.resetAndDestroy();
      else socket.write(chunk);
    });
  });
  await loopback.agent();
  const first = await loopback.connect('idc-1:10250');
  const second = await loopback.connect('idc-1:10250');
  first.socket.write('die');
  await until(() => loopback.gatewayAudit.length === 1);
  expect(loopback.gatewayAudit).toMatchObject([{ stream: 1, outcome: 'reset' }]);
  second.socket.write('alive');
  expect((await read(second.socket, 5)).toString()).toBe('alive');
});

test('a caller that vanishes resets the far end as soon as that writes', async () => {
  let error: NodeJS.ErrnoException | undefined;
  await loopback.target('kubelet', (socket) => {
    const writing = setInterval(() => socket.write('line'), 5);
    socket.on('close', () => clearInterval(writing));
    socket.on('error', (found) => {
      error = found;
    });
  });
  await loopback.agent();
  const { socket } = await loopback.connect('idc-1:10250');
  await read(socket, 4);
  socket.destroy();
  await until(() => loopback.agentAudit.length === 1);
  expect(loopback.agentAudit).toMatchObject([{ outcome: 'reset' }]);
  await until(() => error !== undefined);
  expect(error?.code).toMatch(/ECONNRESET|EPIPE/);
});

test('a caller that goes while the agent still dials leaves nothing behind', async () => {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  await loopback.agent();
  for (let count = 0; count < 20; count += 1) {
    const connecting = loopback.connect('idc-1:10250');
    if (count % 2) await turn();
    background(
      'caller',
      connecting.then(({ socket }) => socket.destroy()),
    );
  }
  await until(() => loopback.gateway.hub.figures.streams === 0 && loopback.gatewayAudit.length === 20);
  expect(loopback.gateway.hub.session('idc-1')?.state).toBe('Open');
});

test('20 MB each way arrive unchanged', async () => {
  await echo();
  const { socket } = await loopback.connect('idc-1:10250');
  const bytes = randomBytes(20_000_000);
  socket.end(bytes);
  expect(digest(await readAll(socket))).toBe(digest(bytes));
}, 20_000);

test('more than 20,000 messages on one connection', async () => {
  await echo();
  const { socket } = await loopback.connect('idc-1:10250');
  for (let count = 0; count < 21_000; count += 1) {
    socket.write('.');
    await read(socket, 1);
  }
  expect(loopback.gateway.hub.figures).toMatchObject({ sessions: 1, violations: 0, resumptions: 0 });
}, 240_000);

test('one stalled reader holds up its own stream only, and little memory', async () => {
  const sent = new Map<Socket, number>();
  await loopback.target('kubelet', (socket) => {
    const block = Buffer.alloc(64 * 1024);
    const fill = () => {
      for (let more = true; more && !socket.destroyed; ) {
        more = socket.write(block);
        sent.set(socket, (sent.get(socket) ?? 0) + block.length);
      }
    };
    socket.on('drain', fill);
    fill();
  });
  await loopback.agent();
  const stalled = await loopback.connect('idc-1:10250');
  const running = await loopback.connect('idc-1:10250');
  let received = 0;
  running.socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  running.socket.resume();
  await until(() => received > 50_000_000, 20_000);
  const [first] = [...sent.values()];
  // What fits into the credit, the queues and the kernel's buffers on both sides.
  expect(first).toBeLessThan(16_000_000);
  expect(loopback.gateway.hub.figures.unacknowledgedBytes).toBeLessThan(1_000_000);
  stalled.socket.destroy();
  running.socket.destroy();
}, 30_000);
