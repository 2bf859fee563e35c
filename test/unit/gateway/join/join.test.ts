// Joins against a Kubernetes in memory: every refusal leaves the cluster as it was, and what is scarce (a
// name, a place in the pool, a use of the token) goes to exactly one of those who want it at the same time.
import { beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { type JoinDesk, join as joinFrom } from '../../../../gateway/join/join.ts';
import { JoinPace } from '../../../../gateway/join/join-pace.ts';
import { restate } from '../../../../gateway/join/restatement.ts';
import { createToken, listTokens } from '../../../../gateway/join/token.ts';
import {
  endpointSlices,
  nodes,
  pods,
  secrets,
  serviceCidrs,
  services,
} from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { type RegisteredNode, registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { type JoinRequest, joinResponseSchema } from '../../../../protocol/messages/join.ts';
import { applicant, facts } from '../applicant.ts';
import { bookOf } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { offered, pool, store } from '../pool.ts';

let kubernetes: MemoryKubernetes;
let desk: JoinDesk;
let connected: string[];

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  connected = [];
  await kubernetes.create(
    nodePools,
    pool('idc', { maxNodes: 2, taints: [{ key: 'idc', effect: 'NoSchedule' }] }),
  );
  desk = {
    kubernetes,
    authority: await Authority.open(kubernetes),
    artifacts: async () => store,
    apiServer: { url: 'https://10.77.0.1:6443', caPem: 'CA' },
    book: bookOf(kubernetes),
    isConnected: (name) => connected.includes(name),
    pace: new JoinPace(),
    now: Date.now,
  };
});

/** From the host's own address. */
const join = async (at: JoinDesk, request: JoinRequest, source = request.facts.addresses[0] ?? '') =>
  (await joinFrom(at, request, source)).answer;
const token = async (options: { uses?: number; pool?: string; lifetimeMs?: number } = {}) =>
  (await createToken(kubernetes, { pool: 'idc', lifetimeMs: 3600_000, uses: 1, ...options })).text;
const usesLeft = async () => (await listTokens(kubernetes)).map((stored) => stored.usesLeft);
const bootstrapTokens = () =>
  kubernetes.stored(secrets).filter(({ metadata }) => metadata.namespace === 'kube-system');
/** Of all that have not expired the one for which a kubelet’s request is approved. */
const goodBootstrapToken = () => kubernetes.stored(registeredNodes)[0]?.status?.bootstrapTokenId;

test('an accepted join: certificate, desired state, bootstrap token, registration', async () => {
  const host = await applicant('idc-1');
  const answer = await join(desk, host.request(await token()));
  expect(joinResponseSchema.parse(answer)).toEqual(answer);
  expect(answer.desired).toMatchObject({ pool: 'idc', labels: { 'regnode.io/pool': 'idc' } });
  const [registered] = kubernetes.stored(registeredNodes);
  expect(registered).toMatchObject({
    metadata: { name: 'idc-1', finalizers: ['regnode.io/leave'] },
    spec: { pool: 'idc', addresses: ['10.77.0.11'] },
    status: { phase: 'Joining', bootstrapTokenId: answer.bootstrap.token.split('.')[0] },
  });
  expect(registered?.status?.certificateSerials).toHaveLength(1);
  expect(await usesLeft()).toEqual([0]);
  const [stored] = bootstrapTokens();
  const expiration = Buffer.from(stored?.data?.expiration ?? '', 'base64').toString();
  expect(Date.parse(expiration) - Date.now()).toBeLessThan(31 * 60_000);
});

test('a request for a certificate is not looked at before the token', async () => {
  const host = await applicant('idc-1');
  const csrPem = 'no request at all';
  const bad = `rt-abc123.${'x'.repeat(32)}`;
  await expect(join(desk, { ...host.request(bad), csrPem })).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  await expect(join(desk, { ...host.request(await token()), csrPem })).rejects.toMatchObject({
    code: 'CSR_REFUSED',
  });
  const long = `${' '.repeat(2048)}${host.request('').csrPem}`;
  await expect(join(desk, { ...host.request(await token()), csrPem: long })).rejects.toMatchObject({
    code: 'CSR_REFUSED',
    values: { detail: 'it is too long' },
  });
});

test('joins with one token from one address without end wait, those from elsewhere do not', async () => {
  const host = await applicant('idc-1');
  const request = { ...host.request(await token()), csrPem: 'no request at all' };
  const codes = new Set<string>();
  for (let count = 0; count < 600; count += 1)
    await join(desk, request, '10.77.0.11').catch(({ code }) => codes.add(code));
  expect([...codes]).toEqual(['CSR_REFUSED', 'TOO_MANY_REQUESTS']);
  await expect(join(desk, request, '10.77.0.12')).rejects.toMatchObject({ code: 'CSR_REFUSED' });
});

describe('refused, with nothing changed and no use taken', () => {
  const refused = async (code: string, change: () => Promise<unknown> | unknown, node = 'idc-1') => {
    const host = await applicant(node);
    const text = await token();
    await change();
    const before = JSON.stringify(kubernetes.stored(registeredNodes));
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ code });
    expect(JSON.stringify(kubernetes.stored(registeredNodes))).toBe(before);
    expect(bootstrapTokens()).toEqual([]);
    expect(await usesLeft()).toEqual([1]);
  };

  test('a name that Kubernetes would not take', () => refused('NODE_NAME_INVALID', () => {}, 'Idc_1'));
  test('a pool that is gone', () => refused('POOL_NOT_FOUND', () => kubernetes.remove(nodePools, 'idc')));
  test('a Node object of that name that is not ours', () =>
    refused('NODE_NAME_TAKEN', () => kubernetes.create(nodes, { metadata: { name: 'idc-1' } })));
  test('an artifact that the store lacks', () =>
    refused('ARTIFACT_MISSING', () => {
      desk = { ...desk, artifacts: async () => offered([]) };
    }));
  test('a full pool', () =>
    refused('POOL_FULL', () => kubernetes.patch(nodePools, 'idc', { spec: { maxNodes: 0 } })));
  test('a token that is taken away at the last moment gives the name back', async () => {
    const host = await applicant('idc-1');
    const text = await token();
    kubernetes.before = async (verb, plural) => {
      if (verb !== 'create' || plural !== 'registerednodes') return;
      kubernetes.before = () => {};
      const [stored] = await listTokens(kubernetes);
      await kubernetes.remove(secrets, `regnode-token-${stored?.id}`, { namespace: 'regnode-tokens' });
    };
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
  });
});

describe('at the same time', () => {
  const outcomes = async (joins: Promise<unknown>[]) =>
    (await Promise.allSettled(joins)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'joined' : (outcome.reason as { code: string }).code,
    );

  test('one use: exactly one of four hosts joins, and only its name is registered', async () => {
    const text = await token();
    const hosts = await Promise.all([1, 2, 3, 4].map((n) => applicant(`idc-${n}`, String(n).repeat(32))));
    await kubernetes.patch(nodePools, 'idc', { spec: { maxNodes: 10 } });
    const codes = await outcomes(hosts.map((host) => join(desk, host.request(text))));
    expect(codes.sort()).toEqual(['TOKEN_USED_UP', 'TOKEN_USED_UP', 'TOKEN_USED_UP', 'joined']);
    expect(kubernetes.stored(registeredNodes)).toHaveLength(1);
  });

  test('one name: exactly one of two machines gets it', async () => {
    const text = await token({ uses: 5 });
    const hosts = await Promise.all(['a', 'b'].map((id) => applicant('idc-1', id.repeat(32))));
    const codes = await outcomes(hosts.map((host) => join(desk, host.request(text))));
    expect(codes.sort()).toEqual(['NODE_NAME_TAKEN', 'joined']);
    expect(await usesLeft()).toEqual([4]);
  });

  test('a pool of two takes exactly two of five', async () => {
    const text = await token({ uses: 5 });
    const hosts = await Promise.all([1, 2, 3, 4, 5].map((n) => applicant(`idc-${n}`, String(n).repeat(32))));
    const codes = await outcomes(hosts.map((host) => join(desk, host.request(text))));
    expect(codes.filter((code) => code === 'joined')).toHaveLength(2);
    expect(codes.filter((code) => code === 'POOL_FULL')).toHaveLength(3);
    expect(kubernetes.stored(registeredNodes)).toHaveLength(2);
    expect(await usesLeft()).toEqual([3]);
  });
});

describe('again', () => {
  test('the same host with the same key gets an answer without a second use; only the new certificate is good', async () => {
    const host = await applicant('idc-1');
    const text = await token();
    const first = await join(desk, host.request(text));
    const second = await join(desk, host.request(text));
    expect(await usesLeft()).toEqual([0]);
    expect(second.certificatePem).not.toBe(first.certificatePem);
    expect(kubernetes.stored(registeredNodes)[0]?.status?.certificateSerials).toHaveLength(1);
    expect(second.bootstrap.token.split('.')[0]).toBe(goodBootstrapToken());
  });

  test('without end: the join and five repeats at once, then one a minute, and one bootstrap token in a quarter of an hour', async () => {
    const host = await applicant('idc-1');
    const text = await token();
    let now = Date.now();
    desk = { ...desk, now: () => now };
    const answers = await Promise.allSettled(Array.from({ length: 3 }, () => join(desk, host.request(text))));
    while (answers.length < 40) answers.push(...(await Promise.allSettled([join(desk, host.request(text))])));
    const issued = () => answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const given = new Set(issued().map(({ bootstrap }) => bootstrap.token));
    expect(issued().length).toBeLessThanOrEqual(6);
    expect(bootstrapTokens().length).toBeLessThanOrEqual(3);
    expect(given.size).toBeLessThanOrEqual(bootstrapTokens().length);
    await expect(join(desk, host.request(text))).rejects.toMatchObject({
      code: 'TOO_MANY_REQUESTS',
      values: { seconds: 60 },
    });
    now += 60_000;
    const later = await join(desk, host.request(text));
    expect(given).toContain(later.bootstrap.token);
    expect(later.bootstrap.token.split('.')[0]).toBe(goodBootstrapToken());
    // What is left of its life is too short for a slow line.
    now += 15 * 60_000;
    expect(given).not.toContain((await join(desk, host.request(text))).bootstrap.token);
  });

  test('with a use of its own, or of another machine’s key, gets a bootstrap token of its own', async () => {
    const host = await applicant('idc-1');
    const first = await join(desk, host.request(await token()));
    const second = await join(desk, host.request(await token()));
    expect(second.bootstrap.token).not.toBe(first.bootstrap.token);
    expect(bootstrapTokens()).toHaveLength(2);
  });

  test('a copy of the request is refused once the node has connected, and once it was removed', async () => {
    const host = await applicant('idc-1');
    const text = await token({ uses: 5 });
    await join(desk, host.request(text));
    const tunnel = { connected: false, since: new Date(Date.now() + 1000).toISOString(), gateway: 'g' };
    await kubernetes.patch(registeredNodes, 'idc-1', { status: { tunnel } }, { subresource: 'status' });
    const serials = kubernetes.stored(registeredNodes)[0]?.status?.certificateSerials;
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ code: 'JOIN_REPLAYED' });
    expect(kubernetes.stored(registeredNodes)[0]?.status?.certificateSerials).toEqual(serials);
    await kubernetes.patch(registeredNodes, 'idc-1', { metadata: { finalizers: null } });
    await kubernetes.remove(registeredNodes, 'idc-1');
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ code: 'JOIN_REPLAYED' });
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
    expect(await usesLeft()).toEqual([4]);
  });

  test('the same machine with its key joins again with a use of its own', async () => {
    const host = await applicant('idc-1');
    await join(desk, host.request(await token()));
    const again = await join(desk, host.request(await token()));
    expect(kubernetes.stored(registeredNodes)).toHaveLength(1);
    expect(again.bootstrap.token.split('.')[0]).toBe(goodBootstrapToken());
  });

  describe('from another address, while a new host takes that one', () => {
    /** The request of idc-1, which has moved to the address of the request of idc-2. */
    const both = async () => {
      const text = await token({ uses: 5 });
      const [moved, fresh] = [await applicant('idc-1'), await applicant('idc-2')];
      await join(desk, moved.request(text));
      const at = (request: JoinRequest) => ({
        ...request,
        facts: { ...request.facts, addresses: ['10.77.0.99'] },
      });
      return [at(moved.request(await token())), at(fresh.request(text))] as const;
    };
    const addressesOf = () =>
      kubernetes.stored(registeredNodes).map(({ metadata, spec }) => `${metadata.name} ${spec.addresses}`);

    test('the host that joins again is refused, and keeps the address that it had', async () => {
      const [moved, fresh] = await both();
      const uses = await usesLeft();
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'replace' || plural !== 'registerednodes') return;
        kubernetes.before = () => {};
        await join(desk, fresh);
      };
      await expect(join(desk, moved)).rejects.toMatchObject({
        code: 'ADDRESS_NOT_OWNED',
        values: { address: '10.77.0.99', detail: 'it belongs to the RegisteredNode idc-2' },
      });
      expect(addressesOf()).toEqual(['idc-1 10.77.0.11', 'idc-2 10.77.0.99']);
      expect(await usesLeft()).toEqual(uses.map((left, index) => (index === 0 ? left - 1 : left)));
    });

    test('the new one is refused where the other was faster', async () => {
      const [moved, fresh] = await both();
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'create' || plural !== 'registerednodes') return;
        kubernetes.before = () => {};
        await join(desk, moved);
      };
      await expect(join(desk, fresh)).rejects.toMatchObject({ code: 'ADDRESS_NOT_OWNED' });
      expect(addressesOf()).toEqual(['idc-1 10.77.0.99']);
    });

    test('one that it gives up while its join is looked at stays with whoever took it', async () => {
      const text = await token({ uses: 5 });
      const first = await applicant('idc-1');
      const next = await applicant('idc-2', 'b'.repeat(32), '10.77.0.11');
      await join(desk, first.request(text));
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'list' || plural !== 'services') return;
        kubernetes.before = () => {};
        const idc1 = kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === 'idc-1');
        if (idc1) await restate(desk, idc1, { ...facts, addresses: ['10.77.0.99'] }, '10.77.0.99');
        await join(desk, next.request(text));
      };
      await expect(join(desk, first.request(text))).rejects.toMatchObject({ code: 'ADDRESS_NOT_OWNED' });
      expect(addressesOf()).toEqual(['idc-1 10.77.0.99', 'idc-2 10.77.0.11']);
    });

    test('a token that is used up meanwhile gives the address back', async () => {
      const [moved] = await both();
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'replace' || plural !== 'registerednodes') return;
        kubernetes.before = () => {};
        for (const { id } of await listTokens(kubernetes))
          await kubernetes.remove(secrets, `regnode-token-${id}`, { namespace: 'regnode-tokens' });
      };
      await expect(join(desk, moved)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
      expect(addressesOf()).toEqual(['idc-1 10.77.0.11']);
    });
  });

  test('a claim that was left behind has no place in a pool that is full by now', async () => {
    const text = await token({ uses: 5 });
    await join(desk, (await applicant('idc-1')).request(text));
    await kubernetes.patch(
      registeredNodes,
      'idc-1',
      { status: { joinedAt: null } },
      { subresource: 'status' },
    );
    for (const name of ['idc-2', 'idc-3']) {
      const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
      const labels = { 'regnode.io/pool': 'idc' };
      await kubernetes.create(registeredNodes, { metadata: { name, labels }, spec });
      const status = { joinedAt: new Date().toISOString() };
      await kubernetes.patch(registeredNodes, name, { status }, { subresource: 'status' });
    }
    await expect(join(desk, (await applicant('idc-1')).request(text))).rejects.toMatchObject({
      code: 'POOL_FULL',
    });
  });

  test('a machine id is no key: the same machine with a new key is refused, whatever its token', async () => {
    await join(desk, (await applicant('idc-1')).request(await token()));
    const before = kubernetes.stored(registeredNodes);
    const host = await applicant('idc-1');
    await expect(join(desk, host.request(await token()))).rejects.toMatchObject({
      code: 'NODE_KEY_UNKNOWN',
      values: { name: 'idc-1' },
    });
    expect(kubernetes.stored(registeredNodes)).toEqual(before);
    expect(await usesLeft()).toEqual([0, 1]);
  });

  test('a join that never ended is no node yet: the same machine may begin anew', async () => {
    const text = await token({ uses: 5 });
    await join(desk, (await applicant('idc-1')).request(text));
    await kubernetes.patch(
      registeredNodes,
      'idc-1',
      { status: { joinedAt: null } },
      { subresource: 'status' },
    );
    await join(desk, (await applicant('idc-1')).request(text));
    expect(kubernetes.stored(registeredNodes)).toHaveLength(1);
  });

  describe('a join that broke off before its end left a claim, and', () => {
    const brokenOff = async () => {
      const text = await token({ uses: 5 });
      const request = (await applicant('idc-1')).request(text);
      kubernetes.before = (verb) => {
        if (verb !== 'replace/status') return;
        throw new KubernetesFailure({
          status: 500,
          reason: 'InternalError',
          message: 'etcd',
          request: 'PUT',
        });
      };
      await expect(join(desk, request)).rejects.toMatchObject({ reason: 'InternalError' });
      kubernetes.before = () => {};
      return request;
    };

    test('a Node of that name that came meanwhile is somebody else’s', async () => {
      const request = await brokenOff();
      await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
      await expect(join(desk, request)).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
    });

    test('a new host that takes its address in the same moment, or it, gets it; never both', async () => {
      const request = await brokenOff();
      const next = await applicant('idc-2', 'b'.repeat(32), request.facts.addresses[0]);
      const text = await token();
      // So old that it keeps nobody out.
      const old = kubernetes.stored(registeredNodes)[0]?.metadata;
      const creationTimestamp = new Date(0).toISOString();
      const aged = (one: RegisteredNode) =>
        one.metadata.uid === old?.uid ? { ...one, metadata: { ...one.metadata, creationTimestamp } } : one;
      const { list } = kubernetes;
      kubernetes.list = async (kind, options) => {
        const listed = await list(kind, options);
        if (kind.plural !== 'registerednodes') return listed;
        return { ...listed, items: listed.items.map((one) => aged(one as never)) as never };
      };
      // The other one comes when the first has looked, before its join has ended.
      let other: unknown;
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'create' || plural !== 'secrets') return;
        kubernetes.before = () => {};
        other = await join(desk, next.request(text)).catch((error: unknown) => error);
      };
      const first = await join(desk, request).catch((error: unknown) => error);
      const refused = [first, other].filter((one) => one instanceof Error);
      expect(refused).toMatchObject([{ code: 'ADDRESS_NOT_OWNED' }]);
    });

    test('one that joined in the moment when it is taken up again keeps its name', async () => {
      const request = await brokenOff();
      kubernetes.before = async (verb, plural) => {
        if (!/^(patch|replace)$/.test(verb) || plural !== 'registerednodes') return;
        kubernetes.before = () => {};
        const status = { joinedAt: new Date().toISOString() };
        await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
      };
      await expect(join(desk, request)).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
      expect(kubernetes.stored(registeredNodes)[0]?.status?.joinedAt).toBeDefined();
    });

    test('an address of a node that joined meanwhile is that node’s', async () => {
      const request = await brokenOff();
      // A claim keeps others from its addresses for two minutes; this one came later.
      const { addresses } = request.facts;
      const spec = { pool: 'idc', machineId: '', keySha256: '', addresses };
      await kubernetes.create(registeredNodes, { metadata: { name: 'idc-2' }, spec });
      const status = { joinedAt: new Date().toISOString() };
      await kubernetes.patch(registeredNodes, 'idc-2', { status }, { subresource: 'status' });
      await expect(join(desk, request)).rejects.toMatchObject({
        code: 'ADDRESS_NOT_OWNED',
        values: { detail: 'it belongs to the RegisteredNode idc-2' },
      });
    });
  });

  describe('a copy of a host, with its machine-id, while the first is off', () => {
    const first = { board: ['uuid-1'], cards: ['aa:01'] };
    const second = { board: ['uuid-2'], cards: ['bb:01'] };
    const ask = async (host: Awaited<ReturnType<typeof applicant>>, hardware: object | undefined) => {
      const request = host.request(await token());
      return join(desk, { ...request, facts: { ...request.facts, ...(hardware && { hardware }) } });
    };

    test('is refused, with its key and without, and the first gets in again', async () => {
      const host = await applicant('idc-1');
      await ask(host, first);
      const before = JSON.stringify(kubernetes.stored(registeredNodes));
      for (const copy of [host, await applicant('idc-1')])
        await expect(ask(copy, second)).rejects.toMatchObject({ code: 'HARDWARE_DIFFERS' });
      await expect(ask(await applicant('idc-1'), { cards: ['bb:01'] })).rejects.toMatchObject({
        code: 'NODE_KEY_UNKNOWN',
      });
      expect(JSON.stringify(kubernetes.stored(registeredNodes))).toBe(before);
      await ask(host, { board: ['uuid-1'], cards: ['cc:01'] });
      await ask(host, undefined);
      expect(kubernetes.stored(registeredNodes)[0]?.status?.facts?.hardware).toEqual({
        board: ['uuid-1'],
        cards: ['cc:01'],
      });
    });

    test('gets in when an operator says so, and is the one that is known from then on', async () => {
      const host = await applicant('idc-1');
      await ask(host, first);
      const readmission = { until: new Date(Date.now() + 60_000).toISOString() };
      await kubernetes.patch(registeredNodes, 'idc-1', { spec: { readmission } });
      await ask(await applicant('idc-1'), second);
      const [node] = kubernetes.stored(registeredNodes);
      expect(node?.status?.facts?.hardware).toEqual(second);
      expect(node?.spec.readmission).toBeUndefined();
      await expect(ask(host, first)).rejects.toMatchObject({ code: 'HARDWARE_DIFFERS' });
    });
  });

  describe('after regnodectl node readmit', () => {
    const readmit = (readmission: { until?: string; machineId?: string } = {}) =>
      kubernetes.patch(registeredNodes, 'idc-1', {
        spec: { readmission: { until: new Date(Date.now() + 60_000).toISOString(), ...readmission } },
      });
    const otherMachine = 'f'.repeat(32);
    beforeEach(async () => {
      await join(desk, (await applicant('idc-1')).request(await token()));
    });

    test('a host with another key takes the name, once', async () => {
      await readmit();
      const host = await applicant('idc-1');
      await join(desk, host.request(await token()));
      const [node] = kubernetes.stored(registeredNodes);
      expect(node?.spec.readmission).toBeUndefined();
      expect(node?.status?.certificateSerials).toHaveLength(1);
      await expect(join(desk, (await applicant('idc-1')).request(await token()))).rejects.toMatchObject({
        code: 'NODE_KEY_UNKNOWN',
      });
    });

    test('of two at the same moment one is readmitted', async () => {
      await readmit();
      const text = await token({ uses: 2 });
      const hosts = await Promise.all([applicant('idc-1'), applicant('idc-1')]);
      const answers = await Promise.allSettled(hosts.map((host) => join(desk, host.request(text))));
      expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    });

    test('the host that had the name, and joins in the same moment, has no certificate of it', async () => {
      const text = await token({ uses: 5 });
      const [before, next] = [await applicant('idc-2'), await applicant('idc-2')];
      await join(desk, before.request(text));
      const until = new Date(Date.now() + 60_000).toISOString();
      await kubernetes.patch(registeredNodes, 'idc-2', { spec: { readmission: { until } } });
      const again = before.request(await token());
      const serials = () =>
        kubernetes.stored(registeredNodes).map(({ status }) => status?.certificateSerials?.join());
      let good: ReturnType<typeof serials> = [];
      kubernetes.before = async (verb, plural) => {
        if (verb !== 'create' || plural !== 'secrets') return;
        kubernetes.before = () => {};
        await join(desk, next.request(text));
        good = serials();
      };
      await expect(join(desk, again)).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
      expect(serials()).toEqual(good);
    });

    test.each([
      ['too late', { until: new Date(Date.now() - 1).toISOString() }, undefined, 'NODE_KEY_UNKNOWN'],
      ['a time that is none', { until: 'soon' }, undefined, 'NODE_KEY_UNKNOWN'],
      ['another machine than the registered one', {}, otherMachine, 'NODE_NAME_TAKEN'],
      ['another machine than the named one', { machineId: 'e'.repeat(32) }, otherMachine, 'NODE_NAME_TAKEN'],
    ])('refused: %s', async (_name, readmission, machineId, code) => {
      await readmit(readmission);
      const host = await applicant('idc-1', machineId);
      await expect(join(desk, host.request(await token()))).rejects.toMatchObject({ code });
    });

    test.each([otherMachine, '*'])('another machine, when %s was named', async (machineId) => {
      await readmit({ machineId });
      await join(desk, (await applicant('idc-1', otherMachine)).request(await token()));
      expect(kubernetes.stored(registeredNodes)[0]?.spec.machineId).toBe(otherMachine);
    });

    test('a node that is connected keeps its name all the same', async () => {
      await readmit();
      connected = ['idc-1'];
      await expect(join(desk, (await applicant('idc-1')).request(await token()))).rejects.toMatchObject({
        code: 'NODE_CONNECTED',
      });
    });

    test('who has the key does not use it up', async () => {
      const host = await applicant('idc-2');
      await join(desk, host.request(await token()));
      const until = new Date(Date.now() + 60_000).toISOString();
      await kubernetes.patch(registeredNodes, 'idc-2', { spec: { readmission: { until } } });
      await join(desk, host.request(await token()));
      const node = kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === 'idc-2');
      expect(node?.spec.readmission).toEqual({ until });
    });
  });

  test('another machine under the name is refused', async () => {
    const text = await token({ uses: 5 });
    await join(desk, (await applicant('idc-1')).request(text));
    const other = await applicant('idc-1', 'f'.repeat(32));
    await expect(join(desk, other.request(text))).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
  });

  test("another pool's token does not move the node", async () => {
    await kubernetes.create(nodePools, pool('other'));
    await join(desk, (await applicant('idc-1')).request(await token()));
    const text = await token({ pool: 'other' });
    await expect(join(desk, (await applicant('idc-1')).request(text))).rejects.toMatchObject({
      code: 'NODE_IN_OTHER_POOL',
      values: { pool: 'idc' },
    });
  });

  test('a connected node is not replaced', async () => {
    const text = await token({ uses: 5 });
    await join(desk, (await applicant('idc-1')).request(text));
    connected = ['idc-1'];
    await expect(join(desk, (await applicant('idc-1')).request(text))).rejects.toMatchObject({
      code: 'NODE_CONNECTED',
    });
  });

  test('a node that is being removed has to be gone first', async () => {
    const text = await token({ uses: 5 });
    await join(desk, (await applicant('idc-1')).request(text));
    await kubernetes.remove(registeredNodes, 'idc-1');
    await expect(join(desk, (await applicant('idc-1')).request(text))).rejects.toMatchObject({
      code: 'NODE_LEAVING',
    });
  });

  test('after a failure in the middle the same request goes through, with one use and one good bootstrap token', async () => {
    const host = await applicant('idc-1');
    const text = await token();
    kubernetes.before = (verb) => {
      if (verb === 'replace/status') {
        throw new KubernetesFailure({
          status: 500,
          reason: 'InternalError',
          message: 'etcd',
          request: 'PUT',
        });
      }
    };
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ reason: 'InternalError' });
    kubernetes.before = () => {};
    const { bootstrap } = await join(desk, host.request(text));
    expect(await usesLeft()).toEqual([0]);
    expect(bootstrap.token.split('.')[0]).toBe(goodBootstrapToken());
  });
});

describe('addresses', () => {
  const claims = async (addresses: string[], source = '10.77.0.11', name = 'idc-1') => {
    const { facts, ...request } = (await applicant(name)).request(await token());
    return joinFrom(desk, { ...request, facts: { ...facts, addresses } }, source);
  };
  const refusal = (detail: RegExp) => ({
    code: 'ADDRESS_NOT_OWNED',
    values: { pool: 'idc', detail: expect.stringMatching(detail) },
  });
  const owned = (name = 'idc-1') =>
    kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name)?.spec.addresses;

  test('of the host is the one that it comes from; what it states besides is left out and said', async () => {
    const { leftOut } = await claims(['10.77.0.11', '172.17.0.1', 'fe80::1', '10.77.0.11', 'eth0']);
    expect(owned()).toEqual(['10.77.0.11']);
    expect(leftOut.map(({ address }) => address)).toEqual(['172.17.0.1', 'fe80::1', 'eth0']);
  });

  test('written in another way is the same address', async () => {
    await claims(['::ffff:10.77.0.11'], '::ffff:a4d:b');
    expect(owned()).toEqual(['10.77.0.11']);
  });

  test('behind NAT needs a range of the pool, and may have further addresses there', async () => {
    await expect(claims(['10.77.0.11'], '10.50.0.1')).rejects.toMatchObject(refusal(/10\.50\.0\.1/));
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24', 'fd00::/64'] } });
    await claims(['10.77.0.11', 'fd00::11', '10.78.0.11'], '10.50.0.1');
    expect(owned()).toEqual(['10.77.0.11', 'fd00::11']);
  });

  describe('by a range of the pool alone', () => {
    const addressesOf = (name: string) =>
      kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name)?.spec.addresses;
    const by = (last: number) => `10.77.0.${last}`;
    beforeEach(() =>
      kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'], maxNodes: 9 } }),
    );

    test('are four at most, beside the one that the connection comes from', async () => {
      await claims([11, 101, 102, 103, 104, 105, 106].map(by));
      expect(owned()).toEqual([11, 101, 102, 103, 104].map(by));
      await claims([201, 202, 203, 204, 205].map(by), '10.50.0.1', 'idc-2');
      expect(addressesOf('idc-2')).toEqual([201, 202, 203, 204].map(by));
    });

    test('one is given up to a host whose connection comes from it, and not to another’s word', async () => {
      await claims([by(11), by(12), by(13)]);
      await expect(claims([by(12)], by(99), 'idc-2')).rejects.toMatchObject(refusal(/RegisteredNode idc-1/));
      await claims([by(12)], by(12), 'idc-2');
      expect(addressesOf('idc-1')).toEqual([by(11), by(13)]);
      expect(addressesOf('idc-2')).toEqual([by(12)]);
    });

    test('the first one stays, which the API server dials: a host behind NAT has no other', async () => {
      await claims([by(11), by(12)], '10.50.0.1');
      await expect(claims([by(11)], by(11), 'idc-2')).rejects.toMatchObject(refusal(/RegisteredNode idc-1/));
      await claims([by(12)], by(12), 'idc-2');
      expect(addressesOf('idc-1')).toEqual([by(11)]);
    });
  });

  const at = (clusterIP: string) => ({ spec: { clusterIP } });
  test.each<[string, string, RegExp, () => unknown]>([
    [
      'of a Service',
      '10.96.0.50',
      /Service web\/hook|services/,
      () =>
        kubernetes.create(services, { metadata: { name: 'hook', namespace: 'web' }, ...at('10.96.0.50') }),
    ],
    [
      'of a Service outside',
      '192.0.2.7',
      /Service web\/hook/,
      () =>
        kubernetes.create(services, {
          metadata: { name: 'hook', namespace: 'web' },
          spec: { externalIPs: ['192.0.2.7'] },
        }),
    ],
    [
      'of a balancer',
      '192.0.2.8',
      /Service web\/hook/,
      () =>
        kubernetes.create(services, {
          metadata: { name: 'hook', namespace: 'web' },
          status: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }] } },
        }),
    ],
    [
      'of an endpoint that no selector made',
      '192.0.2.9',
      /EndpointSlice default\/kubernetes/,
      () =>
        kubernetes.create(endpointSlices, {
          metadata: { name: 'kubernetes', namespace: 'default' },
          endpoints: [{ addresses: ['192.0.2.9'] }],
        }),
    ],
    [
      'of a pod in the cloud',
      '10.50.1.9',
      /Pod web\/hook-1/,
      () =>
        kubernetes.create(pods, {
          metadata: { name: 'hook-1', namespace: 'web' },
          spec: { nodeName: 'cloud-1' },
          status: { podIP: '10.50.1.9', phase: 'Running' } as never,
        }),
    ],
    [
      'that a pod in the cloud has as its second',
      'fd00:50::9',
      /Pod web\/hook-1/,
      () =>
        kubernetes.create(pods, {
          metadata: { name: 'hook-1', namespace: 'web' },
          spec: { nodeName: 'cloud-1' },
          status: {
            ...{ podIP: '10.50.1.9', podIPs: [{ ip: '10.50.1.9' }, { ip: 'fd00:50:0::9' }] },
            phase: 'Running',
          } as never,
        }),
    ],
    [
      'of a Node in the cloud',
      '10.50.0.9',
      /Node cloud-1/,
      () =>
        kubernetes.create(nodes, {
          metadata: { name: 'cloud-1' },
          status: { addresses: [{ type: 'InternalIP', address: '10.50.0.9' }] },
        }),
    ],
    [
      'in the range of pods of a Node in the cloud',
      '10.60.3.4',
      /pods of the Node cloud-1/,
      () => kubernetes.create(nodes, { metadata: { name: 'cloud-1' }, spec: { podCIDR: '10.60.3.0/24' } }),
    ],
    [
      'in the range of pods of a pool',
      '10.244.1.1',
      /pods in the pool other/,
      () => kubernetes.create(nodePools, pool('other', { network: { mode: 'cilium' } })),
    ],
    [
      'between those of two Services',
      '10.96.0.2',
      /services/,
      async () => {
        for (const [name, ip] of [
          ['kubernetes', '10.96.0.1'],
          ['dns', '10.96.0.10'],
        ] as const)
          await kubernetes.create(services, { metadata: { name, namespace: 'default' }, ...at(ip) });
      },
    ],
    [
      'in a declared range of services',
      '10.97.0.2',
      /services/,
      () =>
        kubernetes.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.97.0.0/24'] } }),
    ],
    ['of the API server', '10.77.0.1', /API server/, () => {}],
    ["of the gateway's name", '10.77.0.2', /gateway/, () => {}],
    ["of the gateway's machine", '10.77.0.3', /gateway/, () => {}],
    ['of this machine', '127.0.0.1', /loopback/, () => {}],
    ['of a link', '169.254.169.254', /linkLocal/, () => {}],
    ['of everybody', '224.0.0.1', /multicast/, () => {}],
    ['of nobody', '0.0.0.0', /unspecified/, () => {}],
    ['in another address', '2002:a4d:b::', /6to4/, () => {}],
  ])('%s is refused, although the host comes from it', async (_name, address, detail, change) => {
    await change();
    await expect(claims([address], address)).rejects.toMatchObject(refusal(detail));
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
    expect(await usesLeft()).toEqual([1]);
  });

  test('belong to the first; when it is gone, to whoever comes next', async () => {
    await claims(['10.77.0.11']);
    await expect(claims(['10.77.0.11'], '10.77.0.11', 'idc-2')).rejects.toMatchObject(
      refusal(/RegisteredNode idc-1/),
    );
    await kubernetes.patch(registeredNodes, 'idc-1', { metadata: { finalizers: null } });
    await kubernetes.remove(registeredNodes, 'idc-1');
    await claims(['10.77.0.11'], '10.77.0.11', 'idc-2');
    expect(owned('idc-2')).toEqual(['10.77.0.11']);
  });

  test('go to one of two that claim one at the same moment', async () => {
    const answers = await Promise.allSettled(
      ['idc-1', 'idc-2'].map((name) => claims(['10.77.0.11'], '10.77.0.11', name)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(kubernetes.stored(registeredNodes)).toHaveLength(1);
  });

  test('that a kubelet writes into its Node or its pods take nothing away from another', async () => {
    await claims(['10.77.0.12'], '10.77.0.12', 'idc-2');
    await kubernetes.create(nodes, {
      metadata: { name: 'idc-2' },
      spec: { podCIDR: '10.77.0.0/24' },
      status: { addresses: [{ type: 'InternalIP', address: '10.77.0.11' }] },
    });
    await kubernetes.create(pods, {
      metadata: { name: 'liar', namespace: 'default' },
      spec: { nodeName: 'idc-2' },
      status: { podIP: '10.77.0.11', phase: 'Running' } as never,
    });
    await claims(['10.77.0.11']);
    expect(owned()).toEqual(['10.77.0.11']);
  });

  test('stay a node’s own when a Service takes one later, also when it joins again', async () => {
    const host = await applicant('idc-1');
    await join(desk, host.request(await token()));
    await kubernetes.create(services, {
      metadata: { name: 'late', namespace: 'default' },
      spec: { externalIPs: ['10.77.0.11'] },
    });
    await join(desk, host.request(await token()));
    expect(owned()).toEqual(['10.77.0.11']);
  });
});

describe('a pool that says what its nodes are called', () => {
  beforeEach(async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeNames: ['idc-*', 'rack*'] } });
  });

  test('keeps the name of a cloud node to come from whoever has a token', async () => {
    const request = (await applicant('ip-10-0-0-7')).request(await token());
    await expect(join(desk, request)).rejects.toMatchObject({
      code: 'NODE_NAME_RESERVED',
      values: { name: 'ip-10-0-0-7', detail: expect.stringContaining('idc-*, rack*') },
    });
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
    expect(await usesLeft()).toEqual([1]);
  });

  test('lets one of its names join, and another one that a token is bound to', async () => {
    await join(desk, (await applicant('idc-1')).request(await token()));
    const bound = { pool: 'idc', lifetimeMs: 3600_000, uses: 1, binding: { nodeName: 'other' } };
    const { text } = await createToken(kubernetes, bound);
    const host = await applicant('other', 'b'.repeat(32), '10.77.0.12');
    await join(desk, host.request(text));
    expect(kubernetes.stored(registeredNodes)).toHaveLength(2);
  });

  test('takes nothing from a node that joined before it said so', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeNames: [] } });
    const host = await applicant('old');
    await join(desk, host.request(await token()));
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeNames: ['idc-*'] } });
    expect(await join(desk, host.request(await token()))).toMatchObject({ nodeName: 'old' });
  });
});

describe('names that could be taken for something else', () => {
  test.each([
    ...[
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'hook.default.svc',
      'hook.default.svc.cluster.local',
    ],
    ...[
      'a.idc.internal',
      'gateway.example.com',
      '10.77.0.11',
      '10.1',
      '1234',
      '0x7f',
      'a.localhost',
      'hook.web',
    ],
    ...['cloud-a', 'hooks.corp.example'],
  ])('%s', async (name) => {
    await kubernetes.create(nodePools, pool('other', { kubelet: { clusterDomain: 'idc.internal' } }));
    await kubernetes.create(services, { metadata: { name: 'hook', namespace: 'web' } });
    // The API server dials such a name for webhooks.
    const spec = { externalName: 'Hooks.corp.example.' };
    await kubernetes.create(services, { metadata: { name: 'away', namespace: 'web' }, spec });
    await kubernetes.create(nodes, {
      metadata: { name: 'cloud-1' },
      status: { addresses: [{ type: 'Hostname', address: 'Cloud-A' }] },
    });
    const request = (await applicant(name)).request(await token());
    await expect(join(desk, request)).rejects.toMatchObject({ code: 'NODE_NAME_RESERVED', values: { name } });
    expect(kubernetes.stored(registeredNodes)).toEqual([]);
  });

  test.each(['hook', 'idc-1.example.com', 'svc-1.dc', 'kubernetes-1', '1a', 'cafe'])(
    '%s is none of them',
    async (name) => {
      const request = (await applicant(name)).request(await token());
      await join(desk, request);
      expect(kubernetes.stored(registeredNodes)).toMatchObject([{ metadata: { name } }]);
    },
  );
});
