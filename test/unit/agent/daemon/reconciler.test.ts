// The loop that keeps a joined host as its pool wants it: on a host in a folder, with a clock that turns
// only when the test says so.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { artifactSource } from '../../../../agent/components/artifacts/source.ts';
import { clusterInUse } from '../../../../agent/components/cluster.ts';
import { paths } from '../../../../agent/config/paths.ts';
import { askedRounds, Reconciler, type ReconcilerStatus } from '../../../../agent/daemon/reconciler.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { createGatewayApi, type GatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { readState, writeState } from '../../../../agent/state/state.ts';
import type { Health } from '../../../../agent/upgrade/health.ts';
import { background } from '../../../../protocol/defect.ts';
import type { DesiredState } from '../../../../protocol/messages/desired.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';

let gateway: LoopbackGateway;
let api: GatewayApi;
let world: IdcHost;
let stop: AbortController;
let reports: ReconcilerStatus[];
/** Each pause of the loop, and what ends it. */
let pauses: { milliseconds: number; end: () => void }[];
let paused: () => void;
let health: Health;
let healthNow: () => Health;

beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  stop = new AbortController();
  reports = [];
  pauses = [];
  health = { missing: [], isSeen: true, processes: ['kubelet.service 7'], started: ['kubelet.service 7'] };
  healthNow = () => health;
  await joinThrough(gateway, world.host, { signal: stop.signal });
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
});
afterEach(async () => {
  stop.abort();
  api.close();
  world.remove();
  await gateway.stop();
});

function start(more: Partial<Host> = {}): Reconciler {
  const sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      pauses.push({ milliseconds, end: resolve });
      nowMs += milliseconds;
      signal?.addEventListener('abort', () => resolve(), { once: true });
      paused();
    });
  let nowMs = 0;
  const clock = { ...world.host.clock, monotonicMs: () => nowMs, sleep };
  const host = { ...world.host, clock, ...more };
  const reconciler = new Reconciler({
    host,
    logger: pino({ level: 'silent' }),
    signal: stop.signal,
    source: (settings, desired) =>
      artifactSource(host, { gateway: api, caPem: gateway.caPem, settings, desired }),
    probe: async () => healthNow(),
    gateway: api,
  });
  reconciler.onChange((status) => reports.push(status));
  background('reconciler', reconciler.run());
  return reconciler;
}

/** Resolves when the loop pauses the next time. */
function nextPause(act: () => void): Promise<void> {
  return new Promise((resolve) => {
    paused = resolve;
    act();
  });
}
const turn = () => nextPause(() => pauses.at(-1)?.end());

test('a host that is right is reported with its revision and versions', async () => {
  await nextPause(() => start());
  expect(reports.at(-1)).toMatchObject({ phase: 'Running', revision: '1', fault: '', steps: 0 });
  expect(reports.at(-1)?.versions).toMatchObject({ kubelet: '1.20.2', containerd: '1.6.20' });
});

test('drift is found and repaired by the next look', async () => {
  await nextPause(() => start());
  appendFileSync(world.at(paths.containerdConfiguration), '# drift\n');
  await turn();
  expect(readFileSync(world.at(paths.containerdConfiguration), 'utf8')).not.toContain('# drift');
  expect(reports.map(({ phase }) => phase)).toEqual(['Running', 'Configuring', 'Running']);
});

test('a new desired state is carried out at once and survives a restart', async () => {
  let reconciler: Reconciler | undefined;
  await nextPause(() => {
    reconciler = start();
  });
  const desiredState = {
    ...gateway.desired,
    revision: '2',
    kubelet: { ...gateway.desired.kubelet, maxPods: 50 },
  };
  const before = world.units.get('kubelet.service');
  await nextPause(() => reconciler?.setDesired(desiredState));
  expect(reports.at(-1)).toMatchObject({ phase: 'Running', revision: '2' });
  expect(world.units.get('kubelet.service')).not.toBe(before);
  expect(await readState(world.host)).toMatchObject({ phase: 'Joined', desired: { revision: '2' } });
});

test('one that changes without end is carried out at a pace, the latest each time', async () => {
  let reconciler: Reconciler | undefined;
  let nowMs = 0;
  const sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      pauses.push({ milliseconds, end: resolve });
      signal?.addEventListener('abort', () => resolve(), { once: true });
      paused();
    });
  const clock = { ...world.host.clock, monotonicMs: () => nowMs, sleep };
  await nextPause(() => {
    reconciler = start({ clock });
  });
  const ask = (revision: number) => reconciler?.setDesired({ ...gateway.desired, revision: `r${revision}` });
  const { burst, perSecond } = askedRounds;
  for (let revision = 1; revision <= burst; revision++) await nextPause(() => ask(revision));
  expect(reports.at(-1)).toMatchObject({ revision: `r${burst}` });

  for (const late of [100, 200, 300]) {
    const before = reports.at(-1)?.revision;
    await nextPause(() => ask(late));
    ask(late + 1);
    ask(late + 2);
    expect(reports.at(-1)?.revision, 'it waits').toBe(before);
    expect(pauses.at(-1)?.milliseconds).toBe(1000 / perSecond);
    nowMs += 1000 / perSecond;
    await turn();
    expect(reports.at(-1)?.revision, 'the latest').toBe(`r${late + 2}`);
  }
});

describe('other settings that restart the kubelet', () => {
  const withTurns = (restart: string, maxPods: number, more: Partial<DesiredState> = {}): DesiredState => ({
    ...gateway.desired,
    revision: `${maxPods}-${restart || 'none'}`,
    kubelet: { ...gateway.desired.kubelet, maxPods },
    upgrade: { ...gateway.desired.upgrade, restart },
    ...more,
  });
  const kubelet = () => world.units.get('kubelet.service');
  const configured = () =>
    /maxPods: (\d+)/.exec(readFileSync(world.at(paths.kubeletConfiguration), 'utf8'))?.[1];
  const note = () => reports.at(-1)?.upgrades.find(({ component }) => component === 'settings');
  const waits = async (reconciler: Reconciler, maxPods: number) => {
    await nextPause(() => reconciler.setDesired(withTurns('', maxPods)));
    return note()?.to ?? '';
  };
  const begun = async () => {
    let reconciler: Reconciler | undefined;
    await nextPause(() => {
      reconciler = start();
    });
    return reconciler as Reconciler;
  };
  /** Ends each pause that the gate makes, until the round is over. */
  const round = async (act: () => void) => {
    await nextPause(act);
    while (pauses.at(-1)?.milliseconds === 1000) await turn();
  };

  test('wait for the turn of the node, and what restarts nothing does not', async () => {
    const reconciler = await begun();
    const before = kubelet();
    const other = {
      containerd: {
        ...gateway.desired.containerd,
        registries: [{ host: 'docker.io', mirrors: ['https://mirror.example.test'] }],
      },
    };
    await nextPause(() => reconciler.setDesired(withTurns('', 50, other)));
    expect(note()).toMatchObject({ state: 'waiting', detail: 'kubelet.service' });
    expect(note()?.to).toMatch(/^[0-9a-f]{16}$/);
    expect(reports.at(-1)).toMatchObject({ phase: 'Running', revision: '1' });
    expect([kubelet(), configured()]).toEqual([before, '110']);
    expect(existsSync(world.at('/etc/containerd/certs.d/docker.io/hosts.toml'))).toBe(true);
    // Another look changes nothing, and neither does another node's turn.
    const { to } = note() ?? {};
    await turn();
    await nextPause(() => reconciler.setDesired(withTurns('0123456789abcdef', 50, other)));
    expect([note()?.to, kubelet(), configured()]).toEqual([to, before, '110']);
  });

  test('are put into use in its turn, and watched until it is healthy', async () => {
    const reconciler = await begun();
    const before = kubelet();
    const id = await waits(reconciler, 50);
    health = { ...health, missing: ['not yet'] };
    await nextPause(() => reconciler.setDesired(withTurns(id, 50)));
    expect(note()).toMatchObject({ state: 'trying', to: id, detail: 'not yet' });
    expect(configured()).toBe('50');
    expect(kubelet()).not.toBe(before);
    health = { ...health, missing: [] };
    await round(() => pauses.at(-1)?.end());
    expect(reports.at(-1)).toMatchObject({ phase: 'Running', revision: `50-${id}`, upgrades: [] });
    const once = kubelet();
    await turn();
    expect(kubelet()).toBe(once);
    expect((await readState(world.host))?.settings).toMatchObject({ proven: { kubelet: { maxPods: 50 } } });
  });

  test('that it does not bear are taken back without waiting, told, and not tried again', async () => {
    const reconciler = await begun();
    const id = await waits(reconciler, 50);
    const bad = { ...health, missing: ['the kubelet does not answer'] };
    healthNow = () => (configured() === '50' ? bad : health);
    await round(() => reconciler.setDesired(withTurns(id, 50)));
    expect(note()).toMatchObject({ state: 'rolled-back', code: 'SETTINGS_UNHEALTHY', to: id });
    expect(note()?.detail).toContain('the kubelet does not answer');
    expect(reports.at(-1)?.phase).toBe('Degraded');
    expect(configured()).toBe('110');
    const after = kubelet();
    await turn();
    expect([kubelet(), configured()]).toEqual([after, '110']);
    // Right again by the pool: nothing is left to tell.
    await nextPause(() => reconciler.setDesired(withTurns('', 110)));
    expect(reports.at(-1)).toMatchObject({ phase: 'Running', upgrades: [] });
    expect(kubelet()).toBe(after);
  });

  describe('where the API server is, and whose certificate it has', () => {
    const certificate = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
    const moved = 'https://api.example.test:6443';
    const both = () => `${gateway.caPem.trim()}\n${certificate('AAAA')}`;
    const given = () =>
      [paths.kubeletAccess, paths.kubeletBootstrap, paths.clusterAuthority].map((path) =>
        readFileSync(world.at(path), 'utf8'),
      );
    const told = (apiServer: DesiredState['apiServer'], restart = '') =>
      withTurns(restart, 110, {
        apiServer,
        revision: JSON.stringify([apiServer, restart]).length.toString(),
      });

    test('told again as it was, in another form, is no change', async () => {
      const reconciler = await begun();
      const [before, files] = [kubelet(), given()];
      const same = gateway.caPem.replaceAll('\n', '\r\n');
      await nextPause(() => reconciler.setDesired(told({ url: 'https://10.77.0.1:6443', caPem: same })));
      expect(note()).toBeUndefined();
      expect([kubelet(), given()]).toEqual([before, files]);
    });

    test('another one waits for the turn, and the kubelet is started with it, with both CAs', async () => {
      const reconciler = await begun();
      const [before, files] = [kubelet(), given()];
      const apiServer = { url: moved, caPem: both() };
      await nextPause(() => reconciler.setDesired(told(apiServer)));
      expect(note()).toMatchObject({ state: 'waiting', detail: 'kubelet.service' });
      expect([kubelet(), given()]).toEqual([before, files]);
      const id = note()?.to ?? '';
      await round(() => reconciler.setDesired(told(apiServer, id)));
      expect(reports.at(-1)).toMatchObject({ phase: 'Running', upgrades: [] });
      expect(kubelet()).not.toBe(before);
      const [access, bootstrap, authority] = given();
      expect(access).toContain(moved);
      expect(bootstrap).toContain(moved);
      expect(authority).toContain(gateway.caPem.trim());
      expect(authority).toContain(certificate('AAAA'));
      const state = await readState(world.host);
      expect(state && clusterInUse(state)).toMatchObject({ apiServerUrl: moved, caPem: both() });
    });

    test('one that the kubelet does not reach is taken back', async () => {
      const reconciler = await begun();
      const files = given();
      await nextPause(() => reconciler.setDesired(told({ url: moved, caPem: both() })));
      const id = note()?.to ?? '';
      const isMoved = () => given()[0]?.includes(moved);
      healthNow = () => (isMoved() ? { ...health, missing: ['the cluster does not see the node'] } : health);
      await round(() => reconciler.setDesired(told({ url: moved, caPem: both() }, id)));
      expect(note()).toMatchObject({ state: 'rolled-back', code: 'SETTINGS_UNHEALTHY', to: id });
      expect(given()).toEqual(files);
      const state = await readState(world.host);
      expect(state && clusterInUse(state).apiServerUrl).toBe('https://10.77.0.1:6443');
    });
  });

  test('of a gateway that knows no turns are carried out at once', async () => {
    const reconciler = await begun();
    await nextPause(() =>
      reconciler.setDesired({
        ...gateway.desired,
        revision: '2',
        kubelet: { ...gateway.desired.kubelet, maxPods: 50 },
      }),
    );
    expect(configured()).toBe('50');
    expect(note()).toBeUndefined();
  });

  test('a file that this agent writes differently waits too, also before the gateway was heard', async () => {
    // As an agent of before made it: another file, another stamp.
    const text = readFileSync(world.at(paths.kubeletConfiguration), 'utf8');
    writeFileSync(world.at(paths.kubeletConfiguration), `${text}# older\n`);
    const unit = world.at(`${paths.units}/kubelet.service`);
    writeFileSync(unit, readFileSync(unit, 'utf8').replace(/(REGNODE_STAMP=)\w+/, '$1older'));
    await world.host.processes.run('systemctl', ['restart', 'kubelet.service']);
    const applied = JSON.parse(readFileSync(world.at(paths.applied), 'utf8'));
    for (const key of Object.keys(applied.applied)) if (key.includes('kubelet')) delete applied.applied[key];
    writeFileSync(world.at(paths.applied), JSON.stringify(applied));
    const before = kubelet();
    const reconciler = await begun();
    expect(note()).toMatchObject({ state: 'waiting', detail: 'kubelet.service' });
    expect(kubelet()).toBe(before);
    await round(() => reconciler.setDesired(withTurns(note()?.to ?? '', 110)));
    expect(kubelet()).not.toBe(before);
    expect(reports.at(-1)?.upgrades).toEqual([]);
    expect(readFileSync(world.at(paths.kubeletConfiguration), 'utf8')).not.toContain('# older');
  });
});

test.each(['Installing', 'Leaving'] as const)(
  'a host whose state is %s belongs to somebody else',
  async (phase) => {
    const state = await readState(world.host);
    if (state !== undefined) await writeState(world.host, { ...state, phase });
    appendFileSync(world.at(paths.containerdConfiguration), '# drift\n');
    await nextPause(() => start());
    expect(readFileSync(world.at(paths.containerdConfiguration), 'utf8')).toContain('# drift');
    expect((await readState(world.host))?.phase).toBe(phase);
  },
);

test('while a command holds the lock the loop waits its turn, and reports nothing wrong', async () => {
  let isBusy = true;
  const lock: Host['processes']['lock'] = async () =>
    isBusy ? { holderPid: 7, holderCommand: 'regnode join' } : { release: async () => undefined };
  await nextPause(() => start({ processes: { ...world.host.processes, lock } }));
  expect(reports).toEqual([]);
  isBusy = false;
  await turn();
  expect(reports.at(-1)?.phase).toBe('Running');
});

test('what fails is reported, tried again with a growing pause, and over when it is over', async () => {
  let reconciler: Reconciler | undefined;
  await nextPause(() => {
    reconciler = start();
  });
  const kubelet = gateway.add('kubelet', '1.20.3', 'kubelet two');
  gateway.store.set(kubelet.path, Buffer.from('kubelet tw0'));
  const others = gateway.desired.artifacts.filter(({ component }) => component !== 'kubelet');
  const before = gateway.desired;
  gateway.offer([...before.artifacts, kubelet], { serial: 2 });
  const { manifest } = gateway.desired;
  await nextPause(() =>
    reconciler?.setDesired({ ...before, manifest, revision: '3', artifacts: [...others, kubelet] }),
  );
  expect(reports.at(-1)).toMatchObject({ phase: 'Degraded', revision: '1' });
  expect(reports.at(-1)?.fault).toContain('ARTIFACT_HASH_WRONG');
  expect(world.units.has('kubelet.service')).toBe(true);
  await turn();
  const [first, second] = pauses.slice(-2).map(({ milliseconds }) => milliseconds);
  expect(second).toBe((first ?? 0) * 2);
  await nextPause(() => reconciler?.setDesired({ ...before, manifest, revision: '4' }));
  expect(reports.at(-1)).toMatchObject({ phase: 'Running', revision: '4', fault: '' });
});
