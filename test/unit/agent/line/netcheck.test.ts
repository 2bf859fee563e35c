// The whole of netcheck against the gateway's own end, over real sockets on loopback: everything measured,
// UDP switched off, a proxy in the way, no gateway at all.
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHost } from '../../../../agent/host/real.ts';
import { measureLine, type NetcheckOptions, type Part } from '../../../../agent/line/netcheck.ts';
import { findingsOf } from '../../../../agent/line/report.ts';
import { measurementSchema } from '../../../../agent/state/line-measurement.ts';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { openLine } from '../../../../gateway/line/line.ts';
import type { Route } from '../../../../gateway/port/route.ts';
import { logger, openTestPort } from '../../gateway/port.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function gateway(listen: { host: string; port: number } | undefined) {
  let routes: readonly Route[] = [];
  const line = await openLine({
    listen,
    secret: () => Buffer.alloc(32, 3),
    addressesOf: () => [],
    probes: createCounters().lineProbes,
    logger,
    now: Date.now,
  });
  routes = line.routes;
  const healthz: Route = {
    methods: ['GET'],
    path: '/healthz',
    access: 'anybody',
    run: ({ response }) => void response.end('ok\n'),
  };
  const open = await openTestPort(() => [...routes, healthz]);
  cleanup.push(
    () => line.close(),
    () => open.port.close(0),
  );
  return { url: open.url, caPem: open.authority.caPem };
}

function look(at: { url: string; caPem: string }, more: Partial<NetcheckOptions> = {}) {
  return measureLine(createHost(), {
    gatewayUrl: at.url,
    caPem: at.caPem,
    environment: {},
    count: 20,
    intervalMs: 2,
    withInward: false,
    withPathMtu: true,
    withThroughput: true,
    signal: AbortSignal.timeout(60_000),
    ...more,
  });
}

const anyPort = { host: '127.0.0.1', port: 0 };

test('everything is measured, and is what loopback is', async () => {
  const parts: Part[] = [];
  const seen = await look(await gateway(anyPort), { onPart: (part) => parts.push(part) });
  expect(measurementSchema.parse(seen)).toEqual(seen);
  expect(seen.hops.map(({ hop, fault }) => [hop, fault])).toEqual([
    ['route', undefined],
    ['tcp', undefined],
    ['tls', undefined],
    ['http', undefined],
  ]);
  expect(seen.notMeasured).toEqual([]);
  expect(seen.roundTrip).toMatchObject({ over: 'udp', sent: 20, received: 20 });
  expect(seen.lossPercent).toBe(0);
  expect(seen.udp).toMatchObject({ outward: 'open', inward: 'unknown' });
  // What a packet on lo may have at most is more than anybody looks for.
  expect(seen.pathMtu).toMatchObject({ bytes: 9216, method: 'udp', deviceBytes: 65_536 });
  expect(Math.abs(seen.clock?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(seen.clock?.uncertaintyMs ?? 0);
  expect(seen.throughput?.downMbps).toBeGreaterThan(1);
  expect(seen.throughput?.upMbps).toBeGreaterThan(1);
  expect(parts).toEqual(['way', 'round-trip', 'udp', 'path-mtu', 'throughput']);
});

test('a gateway without UDP: round trips and clock by HTTPS, and it says so', async () => {
  const seen = await look(await gateway(undefined), { withThroughput: false });
  expect(seen.roundTrip).toMatchObject({ over: 'https', received: 20 });
  expect(seen.clock?.samples).toBe(20);
  expect(seen.lossPercent).toBeUndefined();
  expect(seen.notMeasured.map(({ what }) => what)).toContain('udp');
  expect(findingsOf(seen, 'en').map(({ code }) => code)).not.toContain('LINE_UDP_BLOCKED');
});

test('a proxy in the way is a hop of its own, with its time', async () => {
  const at = await gateway(anyPort);
  let through = 0;
  const proxy = createServer();
  const sockets = new Set<Socket>();
  proxy.on('connect', (request, socket: Socket) => {
    through += 1;
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    for (const one of [far, socket]) {
      sockets.add(one);
      one.on('error', () => {});
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const seen = await look(at, { environment });
  expect(seen.hops.map(({ hop }) => hop)).toEqual(['route', 'tcp', 'proxy', 'tls', 'http']);
  expect(seen.hops.every(({ milliseconds, hop }) => hop === 'route' || (milliseconds ?? -1) >= 0)).toBe(true);
  expect(seen.throughput).toBeDefined();
  expect(through).toBeGreaterThan(1);
});

test('a proxy that refuses is where the way ends', async () => {
  const at = await gateway(undefined);
  const proxy = createServer();
  proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => proxy.close());
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const seen = await look(at, { environment });
  expect(seen.hops.at(-1)).toMatchObject({ hop: 'proxy', fault: 'the proxy answered 403' });
  expect(seen.roundTrip).toBeUndefined();
});

test('no gateway, another CA: the hop says so, and nothing else is tried', async () => {
  const { url, caPem } = await gateway(undefined);
  const closed = await look({ url: 'https://127.0.0.1:1', caPem });
  expect(closed.hops.at(-1)).toMatchObject({ hop: 'tcp', fault: 'ECONNREFUSED' });
  expect(findingsOf(closed, 'en').map(({ code }) => code)).toEqual(['LINE_UNREACHABLE']);
  const other = await gateway(undefined);
  const untrusted = await look({ url, caPem: other.caPem });
  expect(untrusted.hops.find(({ hop }) => hop === 'tls')?.fault).toBeTruthy();
  expect(untrusted.roundTrip).toBeUndefined();
});

test('an end that was asked for ends it', async () => {
  const at = await gateway(anyPort);
  const stop = new AbortController();
  const looking = look(at, { signal: stop.signal, onPart: (part) => part === 'round-trip' && stop.abort() });
  await expect(looking).rejects.toThrow();
});
