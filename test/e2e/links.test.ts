// Hosts whose folders of ours lie on another disk, as the remedy of DISK_SPACE asks: on one they are links,
// on the other mounts. An agent is killed in the middle of a join and of a leave, the next runs finish, a pod
// has run, and at the end the host is what it was: the links and mounts stand, and nothing is behind them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { kubectl, readyStatus, waitForReady } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { MortalAgents } from './mortal-host.ts';
import { difference, type Observation, observe } from './observation.ts';

/** /var/lib/containerd and /var/lib/kubelet are mounts on every host of a sandbox. */
const folders = [
  '/opt',
  '/var/lib/regnode',
  '/var/lib/cni',
  '/etc/kubernetes',
  '/etc/containerd',
  '/etc/cni',
];
const bySandbox = ['/var/lib/containerd', '/var/lib/kubelet'];
/** What is there goes along: the network of the cluster in /etc/cni. */
const moveAway = (path: string, place: string) => `mkdir -p ${path} ${place}; cp -a ${path}/. ${place}/`;
const behind = (path: string) => `/data/${path.slice(1).replaceAll('/', '-')}`;

const asLinks = [
  ...folders.map((path) => `${moveAway(path, behind(path))}; rm -r ${path}; ln -s ${behind(path)} ${path}`),
  ...bySandbox.map(
    (path) =>
      `mount --bind ${path} ${behind(path)}; umount ${path}; rmdir ${path}; ln -s ${behind(path)} ${path}`,
  ),
];
const asMounts = folders.map(
  (path) =>
    `${moveAway(path, behind(path))}; find ${path} -mindepth 1 -delete; mount --bind ${behind(path)} ${path}`,
);

let sandbox: Sandbox;
let folder: string;
let agents: MortalAgents;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-links-'));
  sandbox = await startReadySandbox({ name: 'e2e-links' });
  agents = await MortalAgents.create(sandbox, folder);
});
afterAll(async () => {
  await sandbox?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe.each([
  ['links', 'idc-1', asLinks],
  ['mounts', 'idc-2', asMounts],
] as const)('folders that are %s', (_, name, script) => {
  let host: SandboxHost;
  let fresh: Observation;
  const look = () => observe(host, ['/data', ...bySandbox.map(behind)]);

  beforeAll(async () => {
    host = await sandbox.addHost({ name });
    const places = [...folders, ...bySandbox].map(behind).join(' ');
    const prepared = await host.run('bash', ['-e', '-s'], {
      input: `mkdir -p ${places}\n${script.join('\n')}\n`,
    });
    expect(prepared, prepared.stderr).toMatchObject({ exitCode: 0 });
    fresh = await look();
    await agents.prepare(host);
  }, 600_000);

  test('a join and a leave that are killed half way are finished by the next, and a pod runs in between', async () => {
    const before = await look();
    expect((await agents.run(host, 'join', 'journal-after:25')).exitCode).toBe(null);
    await agents.completes(host, 'join', {}, 'a death at its 25th entry');
    await waitForReady(sandbox, name);
    const pod = `pod-${name}`;
    await runPod(sandbox, pod, name);
    await kubectl(sandbox, ['exec', pod, '--', 'true']);
    expect((await agents.run(host, 'leave', 'effect-after:30')).exitCode).toBe(null);
    await agents.completes(host, 'leave', {}, 'a death at its 30th change');
    expect((await host.run('ps', ['-eo', 'args'])).stdout).not.toMatch(/containerd-shim|kubelet --/);
    expect(difference(before, await look())).toEqual([]);
  }, 600_000);

  test('after uninstall the host is as it was before everything', async () => {
    expect(await readyStatus(sandbox, name)).toBe('Absent');
    const uninstalled = await host.run('/opt/regnode/uninstall.sh', ['--purge'], { timeoutMs: 120_000 });
    expect(uninstalled, uninstalled.stderr).toMatchObject({ exitCode: 0 });
    await host.run('rm', ['-r', '/root/mortal']);
    expect(difference(fresh, await look())).toEqual([]);
  }, 300_000);
});
