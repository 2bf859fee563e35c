// The daemon's looks: as the node, small ones, the path MTU only now and then, and the last known
// kept beside the newer numbers.
import { expect, test } from 'vitest';
import { createHost } from '../../../../agent/host/real.ts';
import { LineWatch } from '../../../../agent/line/watch.ts';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { openLine } from '../../../../gateway/line/line.ts';
import type { Route } from '../../../../gateway/port/route.ts';
import { defaultThresholds } from '../../../../protocol/line/thresholds.ts';
import { logger, openTestPort } from '../../gateway/port.ts';

test('looks as the node, keeps what it did not look at again, and judges by the pool', async () => {
  const line = await openLine({
    listen: { host: '127.0.0.1', port: 0 },
    secret: () => Buffer.alloc(32, 3),
    addressesOf: () => ['127.0.0.1'],
    probes: createCounters().lineProbes,
    logger,
    now: Date.now,
  });
  const healthz: Route = {
    methods: ['GET'],
    path: '/healthz',
    access: 'anybody',
    run: ({ response }) => void response.end('ok\n'),
  };
  const port = await openTestPort(() => [...line.routes, healthz], {
    identify: async () => ({ name: 'idc-1', pool: 'idc' }),
  });
  try {
    const { certificatePem, keyPem } = await port.authority.issueServing('127.0.0.1');
    let rttMs = 60_000;
    const watch = new LineWatch({
      host: createHost(),
      gatewayUrl: port.url,
      identity: () => ({ certificatePem, keyPem, caPem: port.authority.caPem }),
      desired: () => ({
        line: { ...defaultThresholds, jitterMs: 60_000, rttMs },
        network: { mode: 'external' },
      }),
      environment: {},
    });
    const { signal } = new AbortController();
    const source = watch.source();
    const state = async () => {
      const seen = await source.look(() => false, signal);
      return Object.fromEntries(seen.map((one) => [one.code, one.state]));
    };
    expect(watch.latest).toBeUndefined();
    expect(await state()).toMatchObject({
      LINE_UNREACHABLE: 'good',
      LINE_SLOW: 'good',
      LINE_VXLAN_TOO_LARGE: 'unknown',
    });
    expect(watch.latest?.pathMtu).toBeUndefined();
    expect(watch.latest?.roundTrip).toMatchObject({ over: 'udp', sent: 20 });
    await state();
    await state();
    expect(watch.latest?.pathMtu).toBeDefined();
    // What the pool asks for from now on; the session of before is still good.
    rttMs = 0.0001;
    expect(await state()).toMatchObject({ LINE_SLOW: 'bad', LINE_VXLAN_TOO_LARGE: 'unknown' });
    expect(watch.latest?.pathMtu).toBeDefined();
    const { values } = await port.counters.requests.get();
    const asked = values.filter(({ labels }) => String(labels.route).includes('line'));
    expect(asked.map(({ labels, value }) => [labels.route, value])).toEqual([['/v1/node/line/session', 1]]);
  } finally {
    await line.close();
    await port.port.close(0);
  }
});
