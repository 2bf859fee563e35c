// Joins against a Kubernetes in memory: every refusal leaves the cluster as it was, and what is scarce (a name, a place
// in the pool, a use of the token) goes to exactly one of those who want it at the same time.
import { beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { type JoinDesk, join } from '../../../../gateway/join/join.ts';
import { createToken, listTokens } from '../../../../gateway/join/token.ts';
import { nodes, secrets } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { registeredNodes } from '../../../../gateway/nodes/node.ts';
import { nodePools } from '../../../../gateway/pools/pool.ts';
import { joinResponseSchema } from '../../../../protocol/join.ts';
import { applicant } from '../applicant.ts';
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
    isConnected: (name) => connected.includes(name),
    now: Date.now,
  };
});

const token = async (wish: { uses?: number; pool?: string; lifetimeMs?: number } = {}) =>
  (await createToken(kubernetes, { pool: 'idc', lifetimeMs: 3600_000, uses: 1, ...wish })).text;
const usesLeft = async () => (await listTokens(kubernetes)).map((stored) => stored.usesLeft);
const bootstrapTokens = () =>
  kubernetes.stored(secrets).filter(({ metadata }) => metadata.namespace === 'kube-system');

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
  expect(bootstrapTokens()).toHaveLength(1);
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
      await kubernetes.remove(secrets, `regnode-token-${stored?.id}`, { namespace: 'regnode-system' });
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
    expect(bootstrapTokens()).toHaveLength(1);
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

  test('the same machine with a new key needs a use of its own', async () => {
    const text = await token();
    await join(desk, (await applicant('idc-1')).request(text));
    const host = await applicant('idc-1');
    await expect(join(desk, host.request(text))).rejects.toMatchObject({ code: 'TOKEN_USED_UP' });
    await join(desk, host.request(await token()));
    expect(kubernetes.stored(registeredNodes)).toHaveLength(1);
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

  test('after a failure in the middle the same request goes through, with one use and one bootstrap token', async () => {
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
    expect(bootstrapTokens()).toEqual([]);
    kubernetes.before = () => {};
    await join(desk, host.request(text));
    expect(await usesLeft()).toEqual([0]);
    expect(bootstrapTokens()).toHaveLength(1);
  });
});
