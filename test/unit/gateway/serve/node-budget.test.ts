// What one node may ask for: in its budget, over it, and beside another.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, expect, test, vi } from 'vitest';
import type { AuditRecord } from '../../../../gateway/audit/audit.ts';
import type { PeerCertificate } from '../../../../gateway/join/client-certificate.ts';
import { limits } from '../../../../gateway/port/limits.ts';
import type { Route } from '../../../../gateway/port/route.ts';
import { withinBudget } from '../../../../gateway/serve/node-budget.ts';
import type { Fault } from '../../../../protocol/catalogue/fault.ts';

let now: number;
let ran: string[];
let audited: AuditRecord[];
let routes: readonly Route[];

beforeEach(() => {
  [now, ran, audited] = [0, [], []];
  const route = (method: string, path: string): Route => ({
    methods: [method],
    path,
    access: 'node',
    run: (_exchange, { name }) => void ran.push(name),
  });
  const audit = { record: (record: AuditRecord) => void audited.push(record), reopen() {}, close() {} };
  routes = withinBudget(
    [route('POST', '/v1/node/uncordon'), route('POST', '/v1/node/drain'), route('GET', '/v1/node/status')],
    { audit, now: () => now },
  );
});

/** 'ran', or how long to wait. */
async function ask(path: string, name = 'idc-1'): Promise<unknown> {
  const route = routes.find((one) => one.path === path);
  if (route?.access !== 'node') throw new Error(path);
  const exchange = {
    request: {} as IncomingMessage,
    response: {} as ServerResponse,
    path,
    address: '10.0.0.1',
  };
  try {
    await route.run(exchange, { name, pool: 'idc' }, {} as PeerCertificate);
    return 'ran';
  } catch (error) {
    const { code, values } = error as Fault;
    return code === 'TOO_MANY_REQUESTS' ? values.seconds : error;
  }
}

test('of changes that take long eight are under way, whoever has gone meanwhile', async () => {
  const ends: (() => void)[] = [];
  const long: Route = {
    methods: ['GET'],
    path: '/v1/node/drain-plan',
    access: 'node',
    run: () => new Promise<void>((resolve) => void ends.push(resolve)),
  };
  const audit = { record: () => {}, reopen() {}, close() {} };
  routes = withinBudget([long], { audit, now: () => now });
  const asked = Array.from({ length: 8 }, () => ask('/v1/node/drain-plan'));
  expect(await ask('/v1/node/drain-plan')).toBe(1);
  expect(ends).toHaveLength(8);
  const other = ask('/v1/node/drain-plan', 'idc-2');
  for (const end of ends) end();
  expect(await Promise.all([...asked, other])).toEqual(Array(9).fill('ran'));
  const last = ask('/v1/node/drain-plan');
  await vi.waitFor(() => expect(ends).toHaveLength(10));
  ends[9]?.();
  expect(await last).toBe('ran');
});

test('sixty changes a second come to a few, and are audited once a minute', async () => {
  const told = new Set<unknown>();
  for (let count = 0; count < 6000; count++) {
    told.add(await ask(count % 2 === 0 ? '/v1/node/uncordon' : '/v1/node/drain'));
    now += 1000 / 60;
  }
  expect(ran.length).toBeLessThanOrEqual(limits.changes.burst + 10);
  expect(audited).toHaveLength(4);
  expect(audited[2]).toMatchObject({
    event: 'request',
    node: 'idc-1',
    path: '/v1/node/uncordon',
    code: 'TOO_MANY_REQUESTS',
  });
  expect(Number(audited[2]?.unsaid)).toBeGreaterThan(1000);
  expect([...told].every((one) => one === 'ran' || (Number(one) > 0 && Number(one) <= 10))).toBe(true);
});

test('what one node asks takes nothing from another, and changes nothing from questions', async () => {
  for (let count = 0; count < 1000; count++) await ask('/v1/node/uncordon');
  expect(await ask('/v1/node/uncordon')).toBe(10);
  expect(await ask('/v1/node/status')).toBe('ran');
  expect(await ask('/v1/node/uncordon', 'idc-2')).toBe('ran');
});

test('a host that joins may look as often as the agent does, for ten minutes', async () => {
  for (let count = 0; count < 100; count++) {
    expect(await ask('/v1/node/status')).toBe('ran');
    now += 150;
  }
  for (let count = 0; count < 1200; count++) {
    expect(await ask('/v1/node/status')).toBe('ran');
    now += 500;
  }
});
