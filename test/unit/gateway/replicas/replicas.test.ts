// Two replicas on loopback, with real TLS and real sessions: an agent's tunnel at one of
// them, CONNECT at the other.
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { PemConverter } from '../../../../protocol/messages/x509.ts';
import { Loopback, nextChunk, readAll, until } from '../../tunnel/loopback.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { TwoReplicas } from './two-replicas.ts';

let world: TwoReplicas;
beforeEach(async () => {
  world = await TwoReplicas.start();
});
afterEach(() => world.loopback.close());

/** CONNECT at the replica that has no tunnel. */
function connect(target = 'idc-1:10250'): Promise<{ head: string; socket: Socket }> {
  return Loopback.prototype.connect.call(
    { egress: { socketPath: world.socketPath }, defer: (undo: () => void) => world.loopback.defer(undo) },
    target,
  );
}

describe('a stream through another replica', () => {
  test('carries bytes both ways, ends each direction by itself, and stands in both audits', async () => {
    await world.loopback.target('kubelet', async (socket) => {
      const asked = await readAll(socket);
      socket.end(`${asked.length} came, ${'y'.repeat(3_000_000)}`);
    });
    await world.loopback.agent();
    const { head, socket } = await connect();
    expect(head).toContain('200');
    socket.end('x'.repeat(2_000_000));
    const answer = (await readAll(socket)).toString();
    expect(answer).toMatch(/^2000000 came, y+$/);
    expect(answer.length).toBe(3_000_014);
    await until(() => world.doorAudit.length === 1 && world.askedAudit.length === 1);
    const bytes = { bytesToTarget: 2_000_000, bytesFromTarget: 3_000_014, outcome: 'completed' };
    expect(world.askedAudit).toMatchObject([{ node: 'idc-1', replica: 'gw-b', target: 'kubelet', ...bytes }]);
    expect(world.doorAudit).toMatchObject([{ node: 'idc-1', replica: 'gw-a', target: 'kubelet', ...bytes }]);
    expect(world.links.streams).toBe(0);
    expect(world.door.streams).toBe(0);
  });

  test('that is refused by the agent, or has no tunnel there, is refused with the reason', async () => {
    await world.loopback.agent();
    expect((await connect()).head).toMatch(/502 TUNNEL_TARGET_REFUSED/);
    expect((await connect('idc-2:10250')).head).toMatch(/502 TUNNEL_NODE_NOT_CONNECTED/);
    expect(world.askedAudit.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
  });

  test('a reader that stalls stops its own sender and nobody else', async () => {
    let sent = 0;
    await world.loopback.target('kubelet', (socket) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (sent < 64 * 1024 * 1024) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', more);
        }
      };
      more();
    });
    await world.loopback.agent();
    const stalled = await connect();
    stalled.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const held = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent).toBe(held);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    const { socket } = await connect();
    const [first] = (await once(socket.resume(), 'data')) as [Buffer];
    expect(first.length).toBeGreaterThan(0);
  });

  test('200 at a time', async () => {
    await world.loopback.target('kubelet', (socket) => socket.pipe(socket));
    await world.loopback.agent();
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { socket } = await connect();
        socket.end(`stream ${index}`);
        return (await readAll(socket)).toString();
      }),
    );
    expect(answers).toEqual(answers.map((_, index) => `stream ${index}`));
  });

  test('is reset at once when the other replica dies, not ended', async () => {
    await world.loopback.target('kubelet', (socket) => socket.write('running'));
    await world.loopback.agent();
    const { socket } = await connect();
    await once(socket.resume(), 'data');
    const closed = once(socket, 'end');
    await world.door.close();
    await closed;
    expect(world.askedAudit).toMatchObject([{ outcome: 'reset' }]);
    expect((await connect()).head).toMatch(/502 REPLICA_UNREACHABLE/);
  });

  test('gets its FIN when this replica stops, after what is underway', async () => {
    await world.loopback.target('kubelet', async (socket) => {
      socket.write('running, ');
      await readAll(socket);
      socket.end('and ended in order');
    });
    await world.loopback.agent();
    const { socket } = await connect();
    const all = readAll(socket);
    await until(() => world.links.streams === 1);
    await world.links.drain(50);
    expect((await all).toString()).toBe('running, and ended in order');
    expect(world.askedAudit).toMatchObject([{ outcome: 'completed' }]);
  });
});

describe('a node whose tunnel is nowhere', () => {
  test('and was a moment ago is waited for', async () => {
    await world.loopback.target('kubelet', (socket) => socket.end('there'));
    await world.loopback.agent();
    world.tunnel = { connected: false, gateway: 'gw-b', since: new Date().toISOString() };
    const asked = connect();
    world.tunnel = { ...world.tunnel, connected: true };
    world.ways.changed('idc-2');
    world.ways.changed('idc-1');
    const { head, socket } = await asked;
    expect(head).toContain('200');
    expect((await readAll(socket)).toString()).toBe('there');
  });

  test('for long is refused at once', async () => {
    world.tunnel = { connected: false, gateway: 'gw-b', since: '2020-01-01T00:00:00Z' };
    const beganMs = performance.now();
    expect((await connect()).head).toMatch(/502 TUNNEL_NODE_NOT_CONNECTED/);
    expect(performance.now() - beganMs).toBeLessThan(2500);
  });

  test('is not waited for longer than a few seconds', async () => {
    world.tunnel = { connected: false, gateway: 'gw-b', since: new Date().toISOString() };
    expect((await connect()).head).toMatch(/502 TUNNEL_NODE_NOT_CONNECTED/);
  }, 10_000);
});

describe('the door', () => {
  const knock = (identity: { cert?: string; key?: string } = {}) =>
    new Promise<number>((resolve, reject) => {
      const request = https.request({
        host: '127.0.0.1',
        port: world.door.address.port,
        rejectUnauthorized: false,
        agent: false,
        headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'regnode.v1' },
        ...identity,
      });
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('upgrade', (_response, socket) => {
        socket.destroy();
        resolve(101);
      });
      request.on('error', reject);
      request.end();
    });

  test('is closed without a certificate, with a node’s, with the public port’s, and with a stranger’s', async () => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const node = await world.authority.issueNode({ name: 'gw-a', pool: 'idc', publicKey: keys.publicKey });
    const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const serving = await world.authority.issueServing('gw-a');
    const stranger = await (await Authority.open(memoryKubernetes())).issueReplica('gw-a');
    expect(await knock()).toBe(403);
    expect(await knock({ cert: node.certificatePem, key })).toBe(403);
    expect(await knock({ cert: serving.certificatePem, key: serving.keyPem })).toBe(403);
    expect(await knock({ cert: stranger.certificatePem, key: stranger.keyPem })).toBe(403);
    expect(world.refused).toEqual(Array(4).fill('CERTIFICATE_REFUSED'));
    const ours = await world.authority.issueReplica('gw-a');
    const request = https.request({
      host: '127.0.0.1',
      port: world.door.address.port,
      rejectUnauthorized: false,
      agent: false,
      cert: ours.certificatePem,
      key: ours.keyPem,
    });
    request.end();
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode, 'there is nothing but the upgrade').toBe(404);
  });

  test('of somebody else, under the address of a replica, gets no stream', async () => {
    const { certificatePem, keyPem } = await world.authority.issueServing('127.0.0.1');
    const impostor = https.createServer({ cert: certificatePem, key: keyPem });
    impostor.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    world.loopback.defer(() => impostor.close());
    const to = { replica: 'gw-b', address: `127.0.0.1:${(impostor.address() as AddressInfo).port}` };
    const fault = await new Promise<{ code: string }>((resolve) => {
      world.links.open(
        to,
        { target: 'idc-1/kubelet', reason: '' },
        {
          opened() {},
          refused: resolve,
          deliver() {},
          deliverEnd() {},
          resumeWriting() {},
          reset: resolve,
          finished() {},
        },
      );
    });
    expect(fault.code).toBe('REPLICA_UNREACHABLE');
  });

  test('clients that say nothing keep no replica out, nor the one that is in', async () => {
    await world.loopback.target('kubelet', (socket) => socket.pipe(socket));
    await world.loopback.agent();
    const strangers = async () => {
      for (let count = 0; count < 300; count++) {
        const socket = net.connect(world.door.address.port, '127.0.0.1').on('error', () => {});
        world.loopback.defer(() => socket.destroy());
        await once(socket, 'connect');
      }
    };
    const says = async (socket: Socket, text: string) => {
      socket.write(text);
      expect(String(await nextChunk(socket))).toBe(text);
    };
    await strangers();
    const { head, socket } = await connect();
    expect(head).toContain('200');
    await says(socket, 'between strangers');
    expect(world.crowded).toContain('per-address');
    await strangers();
    await says(socket, 'and after others');
    socket.destroy();
  });

  test('a client that says nothing is cut off', async () => {
    const silentClient = net.connect(world.door.address.port, '127.0.0.1');
    silentClient.on('error', () => {});
    await once(silentClient.resume(), 'close');
    expect(silentClient.bytesRead).toBe(0);
  }, 15_000);
});
