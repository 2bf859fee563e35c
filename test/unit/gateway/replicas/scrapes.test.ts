// Prometheus asks the replica that does not have the tunnel: kubelets' metrics, a node's
// values, another replica's own.
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { KubeletConnections } from '../../../../gateway/kubelets/connections.ts';
import { KubeletScrapes } from '../../../../gateway/kubelets/scrape.ts';
import { answerFault, faultFor } from '../../../../gateway/port/answer.ts';
import { askReplica } from '../../../../gateway/replicas/questions.ts';
import { MetricsPages } from '../../../../gateway/serve/metrics-pages.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import type { StreamTarget } from '../../../../protocol/messages/session.ts';
import type { StreamEndpoint } from '../../../../protocol/tunnel/stream.ts';
import { type Authority, createAuthority, type Kubelet, startKubelet } from '../kubelets/kubelet.ts';
import { TwoReplicas } from './two-replicas.ts';

/** On a machine that is busy with other things, too. */
const eventually = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });

let cluster: Authority;
let world: TwoReplicas;
beforeAll(async () => {
  cluster = await createAuthority('cluster');
});
beforeEach(async () => {
  world = await TwoReplicas.start();
});
afterEach(() => world.loopback.close());

describe('a kubelet behind another replica', () => {
  let kubelet: Kubelet;
  let connections: KubeletConnections;
  let ask: (path?: string) => Promise<{ status: number; text: string }>;

  beforeEach(async () => {
    kubelet = await startKubelet(cluster, 'idc-1', (request, response) =>
      response.end(`page ${request.url} ${'x'.repeat(600_000)}\n`),
    );
    world.loopback.defer(() => kubelet.close());
    await world.loopback.target('kubelet', (socket) => {
      kubelet.streams += 1;
      const far = net.connect({ port: kubelet.port, host: '127.0.0.1', allowHalfOpen: true });
      far.on('error', () => socket.destroy());
      socket.pipe(far).pipe(socket, { end: false });
      // Its FIN never comes with its last word, and sometimes well after it.
      far.on('end', () => setTimeout(() => socket.end(), 50));
    });
    await world.loopback.agent();
    connections = new KubeletConnections({
      wayTo: (name) => world.ways.session(name),
      caPem: cluster.pem,
    });
    world.loopback.defer(() => connections.destroy());
    const scrapes = new KubeletScrapes({
      connections,
      token: { get: () => Promise.resolve('token'), forget: () => {} },
    });
    const server = http.createServer((request, response) => {
      scrapes
        .scrape('idc-1', '/metrics/cadvisor', request, response)
        .catch((error: unknown) => answerFault(response, faultFor(error)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    world.loopback.defer(() => void server.close());
    world.loopback.defer(() => server.closeAllConnections());
    ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      return { status: answer.status, text: await answer.text() };
    };
  });

  test('answers whole, over one kept stream through the link', async () => {
    for (let scrape = 0; scrape < 4; scrape++) {
      const { status, text } = await ask();
      expect([status, text.length, text.slice(0, 22)]).toEqual([200, 600_024, 'page /metrics/cadvisor']);
    }
    expect([kubelet.streams, world.links.forwarded, world.links.streams]).toEqual([1, 1, 1]);
  });

  test('when the tunnel moves, what was kept is given up, so that it holds up nobody', async () => {
    await ask();
    await eventually(() => expect(Object.keys(connections.freeSockets)).toHaveLength(1));
    expect(world.door.streams).toBe(1);
    connections.moved('idc-1');
    await eventually(() => expect([world.links.streams, world.door.streams]).toEqual([0, 0]));
    expect(world.doorAudit, 'in order').toMatchObject([{ outcome: 'completed' }]);
    expect((await ask()).status).toBe(200);
    expect(kubelet.streams).toBe(2);
    await eventually(() => expect(Object.keys(connections.freeSockets)).toHaveLength(1));
    await connections.close();
    await eventually(() =>
      expect(world.doorAudit).toMatchObject([{ outcome: 'completed' }, { outcome: 'completed' }]),
    );
  });

  test('what is under way when the tunnel moves is answered, and then ends in order too', async () => {
    const asked = ask();
    await eventually(() => expect(world.door.streams).toBe(1));
    await eventually(() => expect(kubelet.requests).toHaveLength(1));
    connections.moved('idc-1');
    expect((await asked).text.length).toBe(600_024);
    await eventually(() => expect(world.doorAudit).toMatchObject([{ outcome: 'completed' }]));
    expect(Object.keys(connections.freeSockets)).toEqual([]);
  });

  test('the session at the other replica is superseded: the next scrape asks anew, not through a dead stream', async () => {
    await ask();
    await eventually(() => expect(Object.keys(connections.freeSockets)).toHaveLength(1));
    world.loopback.gateway.hub.supersede('idc-1', 'it has moved');
    await eventually(() => expect(Object.keys(connections.freeSockets)).toHaveLength(0));
    await eventually(async () => expect((await ask()).status).toBe(200));
  }, 15_000);

  test('the other replica dies: said at once with its code', async () => {
    await world.door.close();
    const { status, text } = await ask();
    expect([status, text]).toEqual([502, expect.stringContaining('REPLICA_UNREACHABLE')]);
  });

  test('no tunnel anywhere', async () => {
    world.tunnel = { connected: false, gateway: 'gw-b', since: '2020-01-01T00:00:00Z' };
    const { status, text } = await ask();
    expect([status, text]).toEqual([503, expect.stringContaining('TUNNEL_NODE_NOT_CONNECTED')]);
  });
});

describe('a question to another replica', () => {
  const ask = (path: string, address = world.address) => {
    const open = (target: StreamTarget, endpoint: StreamEndpoint) =>
      world.links.open({ replica: 'gw-b', address }, target, endpoint);
    return askReplica('gw-b', open, path);
  };

  test('is answered whole, many at a time, and leaves no stream behind', async () => {
    world.answer = (path) => Promise.resolve(`${path} ${'y'.repeat(100_000)}`);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(`/nodes/idc-${index}/metrics`)),
    );
    expect(answers.map((answer) => answer.split(' ', 1)[0])).toEqual(
      answers.map((_, index) => `/nodes/idc-${index}/metrics`),
    );
    expect(answers.every((answer) => answer.endsWith(' '.concat('y'.repeat(100_000))))).toBe(true);
    await eventually(() => expect([world.links.streams, world.door.streams]).toEqual([0, 0]));
  });

  test('that it refuses: its own fault; that fails: told as such', async () => {
    world.answer = () => Promise.reject(new Fault('TUNNEL_NODE_NOT_CONNECTED', { node: 'idc-7' }));
    await expect(ask('/nodes/idc-7/metrics')).rejects.toMatchObject({
      code: 'TUNNEL_NODE_NOT_CONNECTED',
      values: { node: 'idc-7' },
    });
    world.answer = () => Promise.reject(new Error('out of memory'));
    await expect(ask('/metrics')).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' });
  });

  test('that it never answers is over when the replica dies', async () => {
    world.answer = () => new Promise(() => {});
    const asked = ask('/metrics');
    asked.catch(() => {});
    await eventually(() => expect(world.door.streams).toBe(1));
    await world.door.close();
    await expect(asked).rejects.toMatchObject({ code: 'REPLICA_UNREACHABLE' });
  });

  test('to nobody there', async () => {
    await expect(ask('/metrics', '127.0.0.1:1')).rejects.toMatchObject({ code: 'REPLICA_UNREACHABLE' });
  });
});

describe('pages', () => {
  const shown = { here: new Set<string>(), holder: undefined as string | undefined, values: '' };
  const asked: string[] = [];
  const pages = () =>
    new MetricsPages({
      self: 'gw-a',
      registry: new Registry(),
      intake: {
        renderMetrics: () => 'all\n',
        renderNode: () => shown.values,
        renderOwn: () => 'own\n',
      },
      isConnectedHere: (node) => shown.here.has(node),
      holderOf: () => shown.holder,
      replicas: () => [{ name: 'gw-a' }, { name: 'gw-b' }],
      ask: (replica, path) => {
        asked.push(`${replica} ${path}`);
        return Promise.resolve('theirs\n');
      },
    });
  beforeEach(() => {
    asked.length = 0;
    shown.here.clear();
    shown.holder = undefined;
    shown.values = '';
  });

  test('of a node: from here when its tunnel is here, else from who has it, and of nobody twice', async () => {
    shown.values = 'node_load1 1\n';
    shown.holder = 'gw-b';
    expect(await pages().node('idc-1')).toBe('theirs\n');
    shown.here.add('idc-1');
    expect(await pages().node('idc-1'), 'the registration lags behind').toBe('node_load1 1\n');
    shown.here.clear();
    shown.holder = 'gw-a';
    expect(await pages().node('idc-1'), 'its tunnel is between two connections').toBe('node_load1 1\n');
    shown.holder = undefined;
    expect(await pages().node('idc-1'), 'its last values, until they are stale').toBe('node_load1 1\n');
    shown.values = '';
    await expect(pages().node('idc-1')).rejects.toMatchObject({ code: 'TUNNEL_NODE_NOT_CONNECTED' });
    shown.here.add('idc-1');
    expect(await pages().node('idc-1'), 'connected, and nothing has come yet').toBe('');
    expect(asked).toEqual(['gw-b /nodes/idc-1/metrics']);
  });

  test('of a replica: its own; of one that there is not: 404', async () => {
    expect(await pages().replica('gw-a')).toContain('own\n');
    expect(await pages().replica('gw-b')).toBe('theirs\n');
    await expect(pages().replica('gw-c')).rejects.toMatchObject({ code: 'PATH_UNKNOWN' });
    expect(asked).toEqual(['gw-b /metrics']);
  });

  test('for another replica: from here alone, and nothing else', async () => {
    shown.holder = 'gw-b';
    await expect(pages().answer('/nodes/idc-1/metrics')).rejects.toMatchObject({
      code: 'TUNNEL_NODE_NOT_CONNECTED',
    });
    expect(await pages().answer('/metrics')).toContain('own\n');
    for (const path of ['/nodes', '/nodes/idc-1/kubelet/metrics', '/replicas/gw-b/metrics', '//', '']) {
      await expect(pages().answer(path), path).rejects.toMatchObject({ code: 'PATH_UNKNOWN' });
    }
    expect(asked, 'nobody is asked in turn').toEqual([]);
  });
});
