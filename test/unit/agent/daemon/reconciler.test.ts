// The loop that keeps a joined host as its pool wants it: on a host in a folder, with a clock that turns only when
// the test says so.

import { appendFileSync, readFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { artifactSource } from '../../../../agent/components/artifacts/source.ts';
import { paths } from '../../../../agent/config/paths.ts';
import { Reconciler, type ReconcilerStatus } from '../../../../agent/daemon/reconciler.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { createGatewayApi, type GatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { readState, writeState } from '../../../../agent/state/state.ts';
import type { Health } from '../../../../agent/upgrade/health.ts';
import { background } from '../../../../protocol/defect.ts';
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

beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  stop = new AbortController();
  reports = [];
  pauses = [];
  health = { missing: [], isSeen: true, processes: ['kubelet.service 7'], started: ['kubelet.service 7'] };
  await joinThrough(gateway, world.host, { signal: stop.signal });
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem });
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
      signal?.addEventListener('abort', () => resolve(), { once: true });
      paused();
    });
  const host = { ...world.host, clock: { ...world.host.clock, sleep }, ...more };
  const reconciler = new Reconciler({
    host,
    logger: pino({ level: 'silent' }),
    signal: stop.signal,
    source: (settings, desired) =>
      artifactSource(host, { gateway: api, caPem: gateway.caPem, settings, desired }),
    probe: async () => health,
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
