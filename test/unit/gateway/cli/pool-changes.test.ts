// What the options of `pool create` and `pool set` say, as parts of a spec; wrong ones are named.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { changedSpec } from '../../../../gateway/cli/pool-changes.ts';
import type { PoolFlags } from '../../../../gateway/cli/pool-options.ts';
import { type PoolSpecInput, poolSpecSchema } from '../../../../protocol/settings/pool.ts';

/** For the schema it is one. */
const caPem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

const before: PoolSpecInput = {
  kubernetesVersion: 'v1.20.2',
  labels: { site: 'a', rack: '7' },
  taints: [{ key: 'idc', effect: 'NoSchedule' }],
  kubelet: { reserved: { cpuMillicores: 500 } },
  containerd: {
    registries: [
      { host: 'docker.io', mirrors: ['https://old.example.test'] },
      { host: 'own.example.test', mirrors: [], caPem },
    ],
  },
};

test('an option that is not given changes nothing', async () => {
  expect(await changedSpec({})).toEqual({});
  expect(await changedSpec({}, before)).toEqual(before);
});

const changes: [what: string, flags: PoolFlags, change: object][] = [
  ['labels are set and taken away', { label: ['site=b', 'rack-'] }, { labels: { site: 'b' } }],
  ['the last label may go', { label: ['site-', 'rack-'] }, { labels: {} }],
  ['a taint is taken away', { taint: ['idc-'] }, { taints: [] }],
  [
    'ranges of hosts, one address too',
    { nodeCidr: ['10.77.0.0/16', '10.78.0.11', 'FD00::/8'] },
    { nodeCidrs: ['10.77.0.0/16', '10.78.0.11/32', 'fd00::/8'] },
  ],
  ['no ranges of hosts', { nodeCidr: ['none'] }, { nodeCidrs: [] }],
  [
    'reservations add to those before',
    { reserve: ['memory=2Gi', 'pids=2000'] },
    { kubelet: { reserved: { cpuMillicores: 500, memoryMiB: 2048, pids: 2000 } } },
  ],
  ['the way to kubelets', { kubeletAccess: 'direct' }, { kubeletAccess: 'direct' }],
  ['whole cores', { reserve: ['cpu=2'] }, { kubelet: { reserved: { cpuMillicores: 2000 } } }],
  [
    'eviction',
    { eviction: ['memory.available=1Gi', 'imagefs.available=20%'] },
    {
      kubelet: { ...before.kubelet, evictionHard: { 'memory.available': '1Gi', 'imagefs.available': '20%' } },
    },
  ],
  [
    'image garbage collection',
    { imageGcThresholds: '70:60' },
    {
      kubelet: {
        ...before.kubelet,
        imageGarbageCollection: { highThresholdPercent: 70, lowThresholdPercent: 60 },
      },
    },
  ],
  [
    'mirrors are named anew, in their order; a CA stays',
    { registryMirror: ['*=https://m.example.test', 'docker.io=http://a:5000', 'docker.io=https://b'] },
    {
      containerd: {
        registries: [
          { host: 'docker.io', mirrors: ['http://a:5000', 'https://b'] },
          { host: 'own.example.test', mirrors: [], caPem },
          { host: '*', mirrors: ['https://m.example.test'] },
        ],
      },
    },
  ],
  [
    'no mirrors',
    { registryMirror: ['none'] },
    { containerd: { registries: [{ host: 'own.example.test', mirrors: [], caPem }] } },
  ],
];

test.each(changes)('%s', async (_, flags, change) => {
  const found = await changedSpec(flags, before);
  expect(found).toEqual({ ...before, ...change });
  expect(poolSpecSchema.safeParse(found).error).toBeUndefined();
});

describe('what is wrong is named', () => {
  test.each<[PoolFlags, string]>([
    [{ reserve: ['memory=lots'] }, 'memory=lots'],
    [{ reserve: ['disk=1Gi'] }, 'disk=1Gi'],
    [{ eviction: ['memory=1Gi'] }, 'memory=1Gi'],
    [{ imageGcThresholds: '60:70' }, '60:70'],
    [{ registryMirror: ['https://m.example.test'] }, 'https://m.example.test'],
    [{ registryCa: ['docker.io=/nonexistent'] }, '/nonexistent'],
    [{ taint: ['a=b:Sometimes'] }, 'a=b:Sometimes'],
  ])('%j', async (flags, named) => {
    await expect(changedSpec(flags)).rejects.toMatchObject({
      code: 'USAGE',
      values: { detail: expect.stringContaining(named) },
    });
  });

  test.each<[PoolFlags, string]>([
    [{ mirror: ['https://u:s3cret@m.test/a'] }, '--mirror'],
    [{ registryMirror: ['docker.io=https://u:s3cret@m.test'] }, '--registry-mirror docker.io'],
  ])('a user or a password in a URL is not told again: %j', async (flags, place) => {
    await expect(changedSpec(flags)).rejects.toMatchObject({ code: 'URL_CREDENTIAL', values: { place } });
  });

  test('a file that holds no certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'regnode-pool-'));
    const file = join(folder, 'ca.pem');
    try {
      await writeFile(file, '-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n');
      await expect(changedSpec({ registryCa: [`docker.io=${file}`] })).rejects.toMatchObject({
        code: 'USAGE',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
