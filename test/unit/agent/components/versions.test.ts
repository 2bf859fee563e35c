// Which version is used: pure, in tables. What failed is not tried again, what was cut off is.
import { expect, test } from 'vitest';
import {
  chooseVersions,
  neededArtifacts,
  trialBegun,
  trialDropped,
  trialFailed,
  trialPassed,
  type VersionMemory,
  versionsInUse,
  withProven,
} from '../../../../agent/components/versions.ts';
import { isDrainDue } from '../../../../agent/upgrade/drain.ts';
import {
  type Artifact,
  type DesiredState,
  desiredStateSchema,
} from '../../../../protocol/messages/desired.ts';

const artifact = (component: Artifact['component'], version: string): Artifact => ({
  component,
  version,
  architecture: 'amd64',
  path: `/artifacts/${component}-${version}`,
  sizeBytes: 1,
  sha256: Buffer.from(`${component}${version}`).toString('hex').padEnd(64, '0').slice(0, 64),
});

const desiredWith = (kubelet: string, containerd = '1', attempt = ''): DesiredState =>
  desiredStateSchema.parse({
    revision: kubelet + containerd,
    pool: 'idc',
    kubernetesVersion: kubelet,
    network: { mode: 'external' },
    labels: {},
    taints: [],
    kubelet: { clusterDns: [], clusterDomain: 'cluster.local', maxPods: 110 },
    containerd: { sandboxImage: 'pause' },
    telemetry: { heartbeatIntervalMs: 10_000, metricsIntervalMs: 10_000 },
    upgrade: { attempt },
    manifest: { serial: 1, sha256: '0'.repeat(64) },
    artifacts: [artifact('kubelet', kubelet), artifact('containerd', containerd), artifact('images', '1')],
  });

const used = (desired: DesiredState) =>
  Object.fromEntries(desired.artifacts.map(({ component, version }) => [component, version]));
const settled = withProven({}, desiredWith('1'));
const failure = { code: 'UPGRADE_CRASHED', detail: 'it ended', at: '2026-01-01T00:00:00Z' };

function failed(memory: VersionMemory, desired: DesiredState): VersionMemory {
  const { trial } = chooseVersions(desired, memory);
  if (trial === undefined) throw new Error('there is no trial');
  return trialFailed(trialBegun(memory, trial, 'now'), trial, {
    ...failure,
    attempt: desired.upgrade.attempt,
  });
}

test('the first install is no trial, and neither is the same again', () => {
  expect(chooseVersions(desiredWith('1'), {})).toMatchObject({ trial: undefined, held: [] });
  expect(chooseVersions(desiredWith('1'), settled).trial).toBeUndefined();
});

test('what is desired, in use, on trial or the way back is needed; what failed is not', () => {
  const { trial } = chooseVersions(desiredWith('2'), settled);
  if (trial === undefined) throw new Error('there is no trial');
  const passed = trialPassed(settled, trial);
  const hashes = (...artifacts: Artifact[]) => artifacts.map(({ sha256 }) => sha256);
  const rest = hashes(artifact('containerd', '1'), artifact('images', '1'));
  const kubelets = (...versions: string[]) => [
    ...rest,
    ...hashes(...versions.map((version) => artifact('kubelet', version))),
  ];
  expect(neededArtifacts(passed, [desiredWith('3')])).toEqual(new Set(kubelets('3', '2', '1')));
  expect(neededArtifacts(trialBegun(settled, trial, 'now'), [desiredWith('1')])).toEqual(
    new Set(kubelets('1', '2')),
  );
  expect(neededArtifacts(failed(settled, desiredWith('2')), [desiredWith('1')])).toEqual(
    new Set(kubelets('1')),
  );
});

test('one component after the other, what the kubelet needs first', () => {
  const both = desiredWith('2', '2');
  const one = chooseVersions(both, settled);
  expect(one.trial).toMatchObject({ component: 'containerd', attempts: 0 });
  expect(used(one.effective)).toEqual({ kubelet: '1', containerd: '2', images: '1' });
  const passed = one.trial ? trialPassed(settled, one.trial) : {};
  const two = chooseVersions(both, passed);
  expect(two.trial?.component).toBe('kubelet');
  expect(used(two.effective)).toEqual({ kubelet: '2', containerd: '2', images: '1' });
});

test('the version before stays on the disk, the one before that does not', () => {
  let memory = settled;
  for (const version of ['2', '3']) {
    const { trial } = chooseVersions(desiredWith(version), memory);
    memory = trial ? trialPassed(memory, trial) : memory;
  }
  expect(chooseVersions(desiredWith('3'), memory).kept.map(({ version }) => version)).toEqual(['2']);
});

test('what failed is held, with the version that works in use', () => {
  const choice = chooseVersions(desiredWith('2'), failed(settled, desiredWith('2')));
  expect(choice.trial).toBeUndefined();
  expect(choice.held).toMatchObject([
    { component: 'kubelet', failure: { code: 'UPGRADE_CRASHED', from: '1' } },
  ]);
  expect(used(choice.effective).kubelet).toBe('1');
});

test('a failed containerd does not keep the kubelet from its version', () => {
  const memory = failed(settled, desiredWith('2', '2'));
  expect(chooseVersions(desiredWith('2', '2'), memory)).toMatchObject({
    trial: { component: 'kubelet' },
    held: [{ component: 'containerd' }],
  });
});

test('another desired state or another attempt is tried; the same one with other labels is not', () => {
  const memory = failed(settled, desiredWith('2'));
  expect(chooseVersions(desiredWith('3'), memory).trial?.to.version).toBe('3');
  expect(chooseVersions({ ...desiredWith('2'), labels: { a: 'b' } }, memory).trial).toBeUndefined();
  expect(chooseVersions(desiredWith('2', '1', 'again'), memory).trial?.to.version).toBe('2');
  expect(chooseVersions(desiredWith('1'), memory)).toMatchObject({ trial: undefined, held: [] });
});

test('a trial that was cut off counts its attempts, and keeps the time of the first', () => {
  const first = chooseVersions(desiredWith('2'), settled).trial;
  if (first === undefined) throw new Error('there is no trial');
  const once = trialBegun(settled, first, 'first');
  const second = chooseVersions(desiredWith('2'), once).trial;
  expect(second?.attempts).toBe(1);
  const twice = second ? trialBegun(once, second, 'second') : {};
  expect(twice.kubelet?.trial).toMatchObject({ attempts: 2, since: 'first' });
  expect(chooseVersions(desiredWith('3'), twice).trial?.attempts).toBe(0);
  expect(trialDropped(twice, 'kubelet').kubelet?.trial).toBeUndefined();
});

test('a join that is run again leaves a trial alone', () => {
  const trial = chooseVersions(desiredWith('2'), settled).trial;
  expect(used(versionsInUse(desiredWith('2'), settled)).kubelet).toBe('1');
  expect(used(versionsInUse(desiredWith('2'), trial ? trialBegun(settled, trial, 'now') : {})).kubelet).toBe(
    '2',
  );
});

test.each<[string, string, DesiredState['upgrade']['drain'], boolean]>([
  ['1.20.2', '1.20.15', 'minor', false],
  ['v1.20.2', '1.20.3', 'minor', false],
  ['1.20.2', '1.21.0', 'minor', true],
  ['1.21.0', '1.20.2', 'minor', true],
  ['1.2.9', '1.20.9', 'minor', true],
  ['1.20.2', '1.20.3', 'always', true],
  ['1.20.2', '1.21.0', 'never', false],
])('pods go before a kubelet from %s to %s with %s: %s', (from, to, drain, isDue) => {
  const base = desiredWith('1');
  const desired = { ...base, upgrade: { ...base.upgrade, drain } };
  const between = (component: 'kubelet' | 'containerd') => ({
    component,
    from: artifact(component, from),
    to: artifact(component, to),
    attempts: 0,
  });
  const trial = between('kubelet');
  expect(isDrainDue(trial, desired, undefined)).toBe(isDue);
  expect(isDrainDue(between('containerd'), desired, undefined)).toBe(false);
  const done = { sha256: trial.to.sha256, isDrained: true, wasCordoned: false };
  expect(isDrainDue(trial, desired, done)).toBe(false);
  expect(isDrainDue(trial, desired, { ...done, isDrained: false })).toBe(isDue);
  expect(isDrainDue(trial, desired, { ...done, sha256: '0' })).toBe(isDue);
});
