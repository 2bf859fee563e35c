// What a joined host says of itself again: its facts are kept, its addresses become its own by the rules of a
// join and by no other, and nothing that it says makes it another machine.
import { beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { join } from '../../../../gateway/join/join.ts';
import { JoinPace } from '../../../../gateway/join/join-pace.ts';
import { restate } from '../../../../gateway/join/restatement.ts';
import { createToken } from '../../../../gateway/join/token.ts';
import { services } from '../../../../gateway/kubernetes/kinds.ts';
import type { Kubernetes } from '../../../../gateway/kubernetes/kubernetes.ts';
import { desiredState } from '../../../../gateway/pools/desired-state.ts';
import { nodePools, poolSpec } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import type { HostTraits } from '../../../../protocol/compatibility/host-traits.ts';
import { factsResponseSchema } from '../../../../protocol/messages/join.ts';
import { applicant, facts } from '../applicant.ts';
import { bookOf } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool, store } from '../pool.ts';

const own = '10.77.0.11';
const moved = '10.77.0.99';
let kubernetes: MemoryKubernetes;

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  await kubernetes.create(nodePools, pool('idc'));
  await joined('idc-1', own);
});

async function joined(name: string, address: string): Promise<void> {
  const desk = {
    kubernetes,
    authority: await Authority.open(kubernetes),
    artifacts: async () => store,
    apiServer: { url: 'https://10.77.0.1:6443', caPem: 'CA' },
    book: bookOf(kubernetes),
    isConnected: () => false,
    pace: new JoinPace(),
    now: Date.now,
  };
  const { text } = await createToken(kubernetes, { pool: 'idc', lifetimeMs: 3600_000, uses: 1 });
  await join(desk, (await applicant(name, facts.machineId, address)).request(text), address);
}

/** A claim whose join has not ended. */
const nobody = {
  metadata: { name: 'idc-9' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
};
const stored = (name = 'idc-1') =>
  kubernetes.stored(registeredNodes).find(({ metadata }) => metadata.name === name);
const tell = async (
  more: Partial<typeof facts>,
  source = more.addresses?.[0] ?? own,
  at: Kubernetes = kubernetes,
) => {
  const told = await restate(
    { kubernetes: at, book: bookOf(kubernetes), now: Date.now },
    stored() ?? nobody,
    { ...facts, ...more },
    source,
  );
  expect(factsResponseSchema.parse(told.answer)).toEqual(told.answer);
  return told;
};

test('the same again writes nothing', async () => {
  await tell({});
  const before = JSON.stringify(stored());
  expect(await tell({})).toMatchObject({ factsChanged: false, addressesBefore: undefined });
  expect(JSON.stringify(stored())).toBe(before);
});

test('another kernel and agent are kept, and what is desired is judged by them', async () => {
  await tell({ kernelRelease: '5.4.241-1-tlinux4', agentVersion: '0.2.0' });
  expect(stored()?.status?.facts).toMatchObject({
    kernelRelease: '5.4.241-1-tlinux4',
    agentVersion: '0.2.0',
  });
  const spec = poolSpec(pool('idc'));
  const desired = () =>
    desiredState({ name: 'idc', spec }, {}, 'amd64', store, stored()?.status?.facts as HostTraits);
  expect(desired().artifacts.map(({ component }) => component)).toContain('kubelet');
  await tell({ kernelRelease: '4.14.105-19-0020' });
  expect(desired).toThrow(expect.objectContaining({ code: 'VERSION_INCOMPATIBLE' }));
});

describe('an address that the host has now', () => {
  test('is its own when the connection comes from it; the one before is free', async () => {
    const { answer, addressesBefore } = await tell({ addresses: [moved] });
    expect(answer).toEqual({ addresses: [moved] });
    expect(addressesBefore).toEqual([own]);
    expect(stored()?.spec.addresses).toEqual([moved]);
    await joined('idc-2', own);
    expect(stored('idc-2')?.spec.addresses).toEqual([own]);
  });

  test('is its own when the pool declares it', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'] } });
    expect((await tell({ addresses: [moved] }, '203.0.113.7')).answer).toEqual({ addresses: [moved] });
  });

  test('by a range are four at most, however often it says so, and each is given up to who comes from it', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'], maxNodes: 9 } });
    const by = (...last: number[]) => [own, ...last.map((one) => `10.77.0.${one}`)];
    await tell({ addresses: by(101, 102, 103) }, own);
    await tell({ addresses: by(101, 102, 103, 104, 105, 106) }, own);
    await tell({ addresses: by(101, 102, 103, 104, 105, 106) }, own);
    expect(stored()?.spec.addresses).toEqual(by(101, 102, 103, 104));
    await joined('idc-2', '10.77.0.102');
    expect(stored()?.spec.addresses).toEqual(by(101, 103, 104));
    expect(stored('idc-2')?.spec.addresses).toEqual(['10.77.0.102']);
    await tell({ addresses: by(101, 102, 103, 104) }, own);
    expect(stored()?.spec.addresses).toEqual(by(101, 103, 104));
  });

  test('by a range is no longer kept when another is the first: all that were ever named first count', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'], maxNodes: 9 } });
    const ranged = [101, 102, 103, 104, 105, 106, 107, 108].map((last) => `10.77.0.${last}`);
    for (const [index] of ranged.entries())
      await tell({ addresses: [...ranged.slice(0, index + 1).reverse(), own] }, own);
    const { addresses } = (stored() ?? nobody).spec;
    expect(addresses).toHaveLength(5);
    expect(stored()?.status?.addressesByRange?.toSorted()).toEqual(addresses.slice(1, -1).toSorted());
    await joined('idc-2', addresses[1] ?? '');
    expect(stored()?.spec.addresses).not.toContain(addresses[1]);
  });

  test('by a range is so too when two requests of the node come together', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'], maxNodes: 9 } });
    const ranged = [101, 102, 103, 104].map((last) => `10.77.0.${last}`);
    const addresses = [own, ...ranged];
    const { promise: isOver, resolve: firstIsOver } = Promise.withResolvers<void>();
    // It has read what the first has written so far, and writes when that has ended.
    const late = {
      ...kubernetes,
      get: (...ask: Parameters<Kubernetes['get']>) => isOver.then(() => kubernetes.get(...ask)),
    } as Kubernetes;
    let second: Promise<unknown> | undefined;
    const first = {
      ...kubernetes,
      list: (...ask: Parameters<Kubernetes['list']>) => {
        if (stored()?.spec.addresses.length === 5) second ??= tell({ addresses }, own, late);
        return kubernetes.list(...ask);
      },
    } as Kubernetes;
    await tell({ addresses }, own, first);
    expect(second).toBeDefined();
    firstIsOver();
    await second;
    expect(stored()?.status?.addressesByRange).toEqual(ranged);
    await joined('idc-2', '10.77.0.102');
    expect(stored()?.spec.addresses).not.toContain('10.77.0.102');
  });

  test('from which it has come once is not given up', async () => {
    await kubernetes.patch(nodePools, 'idc', { spec: { nodeCidrs: ['10.77.0.0/24'], maxNodes: 9 } });
    await tell({ addresses: [own, moved] }, own);
    await tell({ addresses: [own, moved] }, moved);
    await tell({ addresses: [own, moved] }, own);
    await expect(joined('idc-2', moved)).rejects.toMatchObject({ code: 'ADDRESS_NOT_OWNED' });
  });

  const refused = async (address: string, source: string, why: RegExp) => {
    const { answer } = await tell({ addresses: [address] }, source);
    expect(answer).toMatchObject({
      addresses: [own],
      refused: { address, detail: expect.stringMatching(why) },
    });
    expect(stored()).toMatchObject({ spec: { addresses: [own] }, status: { addressRefused: { address } } });
  };

  test('is refused when nothing speaks for it, and told until it is taken back', async () => {
    await refused(moved, own, /the connection came from 10\.77\.0\.11/);
    expect((await tell({ addresses: [own] })).answer).toEqual({ addresses: [own] });
    expect(stored()?.status?.addressRefused).toBeUndefined();
  });

  test('is refused when another node has it, although the connection comes from it', async () => {
    await joined('idc-2', moved);
    await refused(moved, moved, /belongs to the RegisteredNode idc-2/);
  });

  test('is refused when a Service has it, also one that is younger than the node', async () => {
    await kubernetes.create(services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { externalIPs: [moved] },
    });
    await refused(moved, moved, /belongs to the Service default\/web/);
  });

  test('is refused when it is the gateway’s, the API server’s or a loopback one', async () => {
    await refused('10.77.0.2', '10.77.0.2', /gateway/);
    await refused('10.77.0.1', '10.77.0.1', /API server/);
    await refused('127.0.0.1', '127.0.0.1', /loopback/);
  });

  test('that it has already is looked for among no pods, one that it has not had is', async () => {
    let lists = 0;
    kubernetes.before = (verb, plural) => {
      if (verb === 'list' && plural === 'pods') lists += 1;
    };
    await tell({ addresses: [own] });
    expect(lists).toBe(0);
    await tell({ addresses: [moved] });
    expect(lists).toBe(1);
  });

  test('that another takes in the same moment is nobody’s', async () => {
    let isFirst = true;
    const raced: Kubernetes = {
      ...kubernetes,
      get: (...ask: Parameters<Kubernetes['get']>) => kubernetes.get(...ask),
      list: async (...ask: Parameters<Kubernetes['list']>) => {
        // Between our write and our look the other one's join has ended.
        if (isFirst && ask[0].kind === 'RegisteredNode') {
          isFirst = false;
          await kubernetes.create(registeredNodes, {
            metadata: { name: 'idc-3' },
            spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [moved] },
          });
        }
        return kubernetes.list(...ask);
      },
    } as Kubernetes;
    const { answer } = await tell({ addresses: [moved] }, moved, raced);
    expect(answer).toMatchObject({ addresses: [own], refused: { detail: expect.stringContaining('idc-3') } });
    expect(stored()?.spec.addresses).toEqual([own]);
  });
});

test('what it had is kept without the connection coming from it; what is new beside it is left out', async () => {
  expect((await tell({ addresses: [own, '192.0.2.1'] }, '203.0.113.7')).answer).toEqual({ addresses: [own] });
});

test('it does not become another machine, nor hide that it is one', async () => {
  await tell({ productUuid: 'uuid-1' });
  await tell({ machineId: 'f'.repeat(32), productUuid: 'uuid-2' });
  expect(stored()?.status?.facts).toMatchObject({ machineId: facts.machineId, productUuid: 'uuid-1' });
  expect(stored()?.spec.machineId).toBe(facts.machineId);
});

describe('its hardware', () => {
  const first = { board: ['uuid-1'], cards: ['aa:01'], disks: ['disk-1'] };
  const second = { board: ['uuid-2'], cards: ['bb:01'], disks: ['disk-1'] };
  const hardware = () => stored()?.status?.facts?.hardware;

  test('is known from its first word, follows one repair at a time, and is not forgotten', async () => {
    await tell({ hardware: first });
    const repaired = { ...first, cards: ['bb:01'] };
    await tell({ hardware: repaired });
    expect(hardware()).toEqual(repaired);
    await tell({});
    await tell({ hardware: { board: ['uuid-1'] } });
    expect(hardware()).toEqual(repaired);
  });

  test('of another machine is not taken over, but when an operator has said so, once', async () => {
    await tell({ hardware: first });
    await tell({ hardware: second });
    expect(hardware()).toEqual(first);
    const until = new Date(Date.now() + 60_000).toISOString();
    await kubernetes.patch(registeredNodes, 'idc-1', { spec: { readmission: { until } } });
    await tell({ hardware: second });
    expect(hardware()).toEqual(second);
    expect(stored()?.spec.readmission).toBeUndefined();
    await tell({ hardware: first });
    expect(hardware()).toEqual(second);
  });
});

test('a node that is not registered is told so, and nothing is made', async () => {
  const told = restate({ kubernetes, book: bookOf(kubernetes), now: Date.now }, nobody, facts, own);
  await expect(told).rejects.toMatchObject({ code: 'NODE_NOT_REGISTERED' });
  expect(stored('idc-9')).toBeUndefined();
});
