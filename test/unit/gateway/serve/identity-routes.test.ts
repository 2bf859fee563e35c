// Joins and renewals over real TLS on loopback: what is refused is answered, audited and counted, and an
// expired certificate opens one door only.
import https from 'node:https';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditRecord } from '../../../../gateway/audit/audit.ts';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { Authority } from '../../../../gateway/join/authority.ts';
import {
  identify,
  identifyForRenewal,
  type Registrations,
} from '../../../../gateway/join/client-certificate.ts';
import { JoinPace } from '../../../../gateway/join/join-pace.ts';
import { createToken } from '../../../../gateway/join/token.ts';
import { answerJson } from '../../../../gateway/port/answer.ts';
import { openPublicPort, type PublicPort } from '../../../../gateway/port/public-port.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { factsRoute } from '../../../../gateway/serve/facts-route.ts';
import { JoinPatience } from '../../../../gateway/serve/join-patience.ts';
import { joinRoute } from '../../../../gateway/serve/join-route.ts';
import { renewalRoute } from '../../../../gateway/serve/renewal-route.ts';
import { tokenRoute } from '../../../../gateway/serve/token-route.ts';
import { applicant, facts } from '../applicant.ts';
import { bookOf } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool, store } from '../pool.ts';
import { logger } from '../port.ts';
import { register } from '../registration.ts';

const dayMs = 24 * 3600_000;
let kubernetes: MemoryKubernetes;
let authority: Authority;
let port: PublicPort;
let audited: AuditRecord[];
let refused: string[];
let counters: ReturnType<typeof createCounters>;

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  audited = [];
  refused = [];
  await kubernetes.create(nodePools, pool('idc', { nodeCidrs: ['10.77.0.0/24'] }));
  authority = await Authority.open(kubernetes);
  counters = createCounters();
  const audit = { record: (record: AuditRecord) => audited.push(record), reopen() {}, close() {} };
  const now = Date.now;
  const desk = {
    kubernetes,
    authority,
    artifacts: async () => store,
    apiServer: { url: 'https://10.77.0.1:6443', caPem: 'CA' },
    book: bookOf(kubernetes),
    isConnected: () => false,
    pace: new JoinPace(),
    now,
  };
  const find = (name: string) =>
    kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name);
  const registrations: Registrations = { get: find, refresh: async (name) => find(name) };
  const patience = new JoinPatience(kubernetes, now);
  const { certificatePem, keyPem } = await authority.issueServing('127.0.0.1');
  const grace = { isOurs: (der: Uint8Array) => authority.hasSigned(der), graceMs: () => 90 * dayMs };
  port = await openPublicPort({
    listen: { host: '127.0.0.1', port: 0 },
    tls: { certificatePem, keyPem, caPem: authority.caPem },
    routes: [
      {
        methods: ['POST'],
        path: '/v1/join',
        access: 'anybody',
        run: joinRoute({ desk, audit, counters, recordEvent: () => {}, patience }),
      },
      {
        methods: ['POST'],
        path: '/v1/join/token',
        access: 'anybody',
        run: tokenRoute({ desk, audit, counters, patience }),
      },
      {
        methods: ['POST'],
        path: '/v1/node/renew',
        access: 'renewal',
        run: renewalRoute({ desk, audit, counters }),
      },
      { methods: ['POST'], path: '/v1/node/facts', access: 'node', run: factsRoute({ desk, audit }) },
      {
        methods: ['GET'],
        path: '/who',
        access: 'node',
        run: ({ response }, node) => answerJson(response, 200, node),
      },
    ],
    tunnelPath: '/v1/tunnel',
    identify: (certificate) => identify(certificate, registrations, now()),
    identifyForRenewal: (certificate) => identifyForRenewal(certificate, registrations, now(), grace),
    onTunnel: (_request, socket) => socket.destroy(),
    onRefused: (fault) => refused.push(fault.code),
    counters,
    logger,
  });
});
afterEach(() => port.close(0));

interface Identity {
  readonly cert: string;
  readonly key: string;
}

function ask(method: string, path: string, body?: unknown, identity?: Identity) {
  return new Promise<{ status: number; code: string | undefined; body: Record<string, string> }>(
    (resolve, reject) => {
      const to = { host: '127.0.0.1', port: port.address.port, ca: authority.caPem, agent: false as const };
      const request = https.request({ ...to, method, path, ...identity }, async (response) => {
        let text = '';
        for await (const chunk of response) text += String(chunk);
        const answer = JSON.parse(text) as Record<string, string> & { error?: { code: string } };
        resolve({ status: response.statusCode ?? 0, code: answer.error?.code, body: answer });
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    },
  );
}

const counted = async (counter: 'joins' | 'renewals') =>
  (await counters[counter].get()).values.map(
    ({ labels, value }) => `${labels.outcome} ${labels.code}: ${value}`,
  );

/** A node whose certificate was made so many days ago. */
async function joined(name: string, daysAgo: number) {
  const host = await applicant(name);
  const { csrPem } = host.request('');
  const then = await Authority.open(kubernetes, () => Date.now() - daysAgo * dayMs);
  const issued = await register(kubernetes, then, { name, pool: 'idc' }, csrPem);
  return { csrPem, identity: { cert: issued.certificatePem, key: host.keyPem }, serial: issued.serial };
}

describe('a renewal', () => {
  test('of a good certificate: both are good afterwards, and it is audited', async () => {
    const { csrPem, identity } = await joined('idc-1', 60);
    const answer = await ask('POST', '/v1/node/renew', { csrPem }, identity);
    expect(answer).toMatchObject({ status: 200, body: { caPem: authority.caPem } });
    const renewed = { ...identity, cert: answer.body.certificatePem ?? '' };
    expect(await ask('GET', '/who', undefined, renewed)).toMatchObject({
      status: 200,
      body: { name: 'idc-1' },
    });
    expect(await ask('GET', '/who', undefined, identity)).toMatchObject({ status: 200 });
    expect(audited).toMatchObject([{ event: 'renewal', outcome: 'accepted', node: 'idc-1', expired: false }]);
    expect(await counted('renewals')).toEqual(['accepted : 1']);
  });

  test('of one that really expired 10 days ago: it opens the renewal and nothing else', async () => {
    const { csrPem, identity } = await joined('idc-1', 100);
    expect(await ask('GET', '/who', undefined, identity)).toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    const answer = await ask('POST', '/v1/node/renew', { csrPem }, identity);
    expect(answer.status).toBe(200);
    expect(audited).toMatchObject([{ event: 'renewal', outcome: 'accepted', expired: true }]);
    const renewed = { ...identity, cert: answer.body.certificatePem ?? '' };
    expect(await ask('GET', '/who', undefined, renewed)).toMatchObject({ status: 200 });
  });

  test('of one that expired before the grace is refused', async () => {
    const { csrPem, identity } = await joined('idc-1', 181);
    const answer = await ask('POST', '/v1/node/renew', { csrPem }, identity);
    expect(answer).toMatchObject({ status: 403, code: 'CERTIFICATE_REFUSED' });
    expect(refused).toEqual(['CERTIFICATE_REFUSED']);
  });

  test('without a certificate, or for another node, is refused', async () => {
    const { csrPem, identity } = await joined('idc-1', 0);
    const other = await joined('idc-2', 0);
    expect(await ask('POST', '/v1/node/renew', { csrPem })).toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    expect(await ask('POST', '/v1/node/renew', { csrPem: other.csrPem }, identity)).toMatchObject({
      code: 'CSR_REFUSED',
    });
    expect(audited).toMatchObject([
      { event: 'renewal', outcome: 'refused', code: 'CSR_REFUSED', node: 'idc-1' },
    ]);
    expect(await counted('renewals')).toEqual(['refused CSR_REFUSED: 1']);
  });

  test('again and again has to wait', async () => {
    const { csrPem, identity } = await joined('idc-1', 0);
    const statuses: number[] = [];
    for (let round = 0; round < 12; round++) {
      statuses.push((await ask('POST', '/v1/node/renew', { csrPem }, identity)).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe('facts of a joined host', () => {
  test('are refused without a certificate, and when they are none', async () => {
    const { identity } = await joined('idc-1', 0);
    expect(await ask('POST', '/v1/node/facts', { facts })).toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    const malformed = { facts: { ...facts, addresses: [] } };
    expect(await ask('POST', '/v1/node/facts', malformed, identity)).toMatchObject({
      code: 'REQUEST_MALFORMED',
    });
    expect(audited).toEqual([]);
  });

  test('an address is judged by the connection and the pool, and what came of it is audited once', async () => {
    const { identity } = await joined('idc-1', 0);
    const status = { joinedAt: new Date().toISOString() };
    await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
    const of = (address: string) => ({ facts: { ...facts, addresses: [address] } });
    expect(await ask('POST', '/v1/node/facts', of('10.77.0.11'), identity)).toMatchObject({
      status: 200,
      body: { addresses: ['10.77.0.11'] },
    });
    for (let time = 0; time < 2; time++) {
      expect(await ask('POST', '/v1/node/facts', of('192.0.2.1'), identity)).toMatchObject({
        status: 200,
        body: { addresses: ['10.77.0.11'], refused: { address: '192.0.2.1' } },
      });
    }
    expect(audited).toMatchObject([
      { event: 'facts', outcome: 'accepted', node: 'idc-1', from: [], to: ['10.77.0.11'] },
      { event: 'facts', outcome: 'refused', node: 'idc-1', address: '127.0.0.1' },
    ]);
  });
});

describe('a join that is refused is audited and counted', () => {
  const token = async (uses = 1, of = 'idc') =>
    (await createToken(kubernetes, { pool: of, lifetimeMs: 3600_000, uses })).text;
  const expectRefusal = async (code: string) => {
    expect(audited.at(-1)).toMatchObject({ event: 'join', outcome: 'refused', code, node: 'idc-1' });
    expect(JSON.stringify(audited)).not.toMatch(/rt-[a-z0-9]{6}\.[a-z0-9]{32}/);
    expect(await counted('joins')).toContain(`refused ${code}: 1`);
  };

  test("another node's name", async () => {
    await ask('POST', '/v1/join', (await applicant('idc-1')).request(await token()));
    const other = await applicant('idc-1', 'f'.repeat(32));
    const answer = await ask('POST', '/v1/join', other.request(await token()));
    expect(answer).toMatchObject({ status: 409, code: 'NODE_NAME_TAKEN' });
    await expectRefusal('NODE_NAME_TAKEN');
  });

  test("another pool's token", async () => {
    await kubernetes.create(nodePools, pool('other'));
    await ask('POST', '/v1/join', (await applicant('idc-1')).request(await token()));
    const answer = await ask('POST', '/v1/join', (await applicant('idc-1')).request(await token(1, 'other')));
    expect(answer).toMatchObject({ status: 409, code: 'NODE_IN_OTHER_POOL' });
    await expectRefusal('NODE_IN_OTHER_POOL');
  });

  test('a token past its uses', async () => {
    const text = await token();
    await ask('POST', '/v1/join', (await applicant('idc-2')).request(text));
    const answer = await ask('POST', '/v1/join', (await applicant('idc-1')).request(text));
    expect(answer).toMatchObject({ status: 403, code: 'TOKEN_USED_UP' });
    await expectRefusal('TOKEN_USED_UP');
  });

  test('a replayed join', async () => {
    const request = (await applicant('idc-1')).request(await token());
    expect(await ask('POST', '/v1/join', request)).toMatchObject({ status: 200 });
    await kubernetes.patch(registeredNodes, 'idc-1', { metadata: { finalizers: null } });
    await kubernetes.remove(registeredNodes, 'idc-1');
    expect(await ask('POST', '/v1/join', request)).toMatchObject({ status: 403, code: 'JOIN_REPLAYED' });
    await expectRefusal('JOIN_REPLAYED');
  });
});

describe('a question about a token', () => {
  const make = (change: Partial<Parameters<typeof createToken>[1]> = {}) =>
    createToken(kubernetes, { pool: 'idc', lifetimeMs: 3600_000, uses: 1, ...change });
  const question = (token: string, hasKey = false) => ask('POST', '/v1/join/token', { token, hasKey });

  test('takes nothing, however often it is asked', async () => {
    const { text } = await make();
    // What preflight judges the host by.
    const body = { pool: 'idc', kubernetesVersion: pool('idc').spec.kubernetesVersion };
    for (let count = 0; count < 30; count++)
      expect(await question(text)).toMatchObject({ status: 200, body });
    expect((await ask('POST', '/v1/join', (await applicant('idc-1')).request(text))).status).toBe(200);
    expect(audited).toHaveLength(1);
  });

  test('costs the API server two answers in two seconds, however often it is asked', async () => {
    const { text } = await make();
    const reads = vi.spyOn(kubernetes, 'get');
    const startedMs = Date.now();
    for (let round = 0; round < 10; round++)
      for (const { status } of await Promise.all(Array.from({ length: 10 }, () => question(text))))
        expect(status).toBe(200);
    expect(reads.mock.calls.length).toBeLessThanOrEqual(2 * (1 + (Date.now() - startedMs) / 2000));
  });

  test('is refused as the join would be, and audited', async () => {
    const expired = await make({ lifetimeMs: -1 });
    const { text } = await make({ pool: 'nowhere' });
    const wrong = text.replace(/\..*/, `.${'x'.repeat(32)}`);
    expect((await question(wrong)).code).toBe('TOKEN_INVALID');
    expect((await question('')).code).toBe('TOKEN_INVALID');
    expect((await question(expired.text)).code).toBe('TOKEN_EXPIRED');
    expect((await question(text)).code).toBe('POOL_NOT_FOUND');
    expect((await ask('POST', '/v1/join/token', { token: 5 })).code).toBe('REQUEST_MALFORMED');
    expect(audited.map(({ code }) => code)).toEqual([
      ...['TOKEN_INVALID', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'POOL_NOT_FOUND', 'REQUEST_MALFORMED'],
    ]);
    expect(JSON.stringify(audited)).not.toContain(text.split('.')[1]);
  });

  test('a use that is gone counts for a host without a key; another may be asking for a lost answer', async () => {
    const { text } = await make();
    await ask('POST', '/v1/join', (await applicant('idc-1')).request(text));
    expect((await question(text)).code).toBe('TOKEN_USED_UP');
    const told = { pool: 'idc', kubernetesVersion: pool('idc').spec.kubernetesVersion };
    expect(await question(text, true)).toMatchObject({ status: 200, body: told });
  });

  test('who guesses has to wait', async () => {
    const codes = [];
    for (let count = 0; count < 22; count++)
      codes.push((await question(`rt-aaaaaa.${String(count).padStart(32, 'b')}`)).code);
    expect(codes.at(19)).toBe('TOKEN_INVALID');
    expect(codes.at(-1)).toBe('TOO_MANY_REQUESTS');
    expect((await question('nonsense')).code).toBe('TOO_MANY_REQUESTS');
    expect((await ask('POST', '/v1/join/token', { token: 5 })).code).toBe('TOO_MANY_REQUESTS');
  });
});
