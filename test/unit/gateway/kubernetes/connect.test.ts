// $KUBECONFIG as kubectl takes it: a list, of which files that are not there are passed over,
// and what comes first holds.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectCluster } from '../../../../gateway/kubernetes/connect.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-kubeconfig-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function file(name: string, server: string, context?: string): Promise<string> {
  const path = join(folder, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: context ?? 'other', context: { cluster: 'c', user: 'u' } }],
    ...(context === undefined ? {} : { 'current-context': context }),
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

test('a file of the list that is not there is passed over, and the first one holds', async () => {
  const first = await file('first', 'https://first.test');
  const second = await file('second', 'https://second.test', 'x');
  vi.stubEnv('KUBECONFIG', [join(folder, 'missing'), first, second].join(':'));
  // The cluster is the first's, the context the second's: only that names one.
  expect(await connectCluster(undefined)).toMatchObject({ apiServerUrl: 'https://first.test' });
});

test('a list of which nothing is there is told', async () => {
  vi.stubEnv('KUBECONFIG', `${join(folder, 'a')}:${join(folder, 'b')}`);
  await expect(connectCluster(undefined)).rejects.toMatchObject({
    code: 'KUBECONFIG_INVALID',
    values: { detail: 'there is no such file' },
  });
});
