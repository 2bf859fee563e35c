// What a later release says more is left out; what this one can't know to be right is refused as before.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { controlMessageSchema } from '../../../../protocol/messages/control.ts';
import { type DesiredState, desiredStateSchema } from '../../../../protocol/messages/desired.ts';
import { readFromPeer } from '../../../../protocol/messages/newer-peer.ts';
import { desiredState as plain } from '../../../worlds/desired.ts';

const desiredState: DesiredState = {
  ...plain,
  artifacts: [
    {
      component: 'agent',
      version: '2.0.0',
      architecture: 'amd64',
      path: '/artifacts/agent',
      sizeBytes: 1,
      sha256: '1'.repeat(64),
    },
  ],
};

test('keys of a later release are left out, at any depth and in lists, and what was given is not changed', () => {
  const schema = z.strictObject({ a: z.number(), list: z.array(z.strictObject({ b: z.string() })) });
  const given = { a: 1, z: 2, list: [{ b: 'x', c: { deep: true } }, { b: 'y' }] };
  const copy = structuredClone(given);
  expect(readFromPeer(schema, given)).toEqual({
    success: true,
    data: { a: 1, list: [{ b: 'x' }, { b: 'y' }] },
  });
  expect(given).toEqual(copy);
});

test.each([
  ['a wrong value', { a: '1', list: [] }],
  ['a wrong value beside an unknown key', { a: '1', list: [], z: 1 }],
  ['a missing key beside an unknown one', { list: [], z: 1 }],
  ['no object', 'text'],
  ['nothing', undefined],
])('%s is refused', (_what, value) => {
  const schema = z.strictObject({ a: z.number(), list: z.array(z.unknown()) });
  expect(readFromPeer(schema, value).success).toBe(false);
});

test('a desired state of a newer gateway can be read: otherwise its agents could never be upgraded', () => {
  const known = desiredState;
  const [artifact] = known.artifacts;
  const newer = {
    ...known,
    somethingNew: { x: 1 },
    kubelet: { ...known.kubelet, somethingNew: true },
    containerd: { ...known.containerd, somethingNew: ['x'] },
    telemetry: { ...known.telemetry, somethingNew: 1 },
    network: { ...known.network, somethingNew: 1 },
    manifest: { ...known.manifest, somethingNew: 1 },
    artifacts: [
      ...known.artifacts.map((one) => ({ ...one, somethingNew: 'x' })),
      { ...artifact, component: 'flux-capacitor', somethingNew: 'y' },
    ],
  };
  expect(readFromPeer(desiredStateSchema, newer).data).toEqual(desiredStateSchema.parse(known));
  expect(readFromPeer(controlMessageSchema, { kind: 'desired', desired: newer, why: 'x' }).data).toEqual({
    kind: 'desired',
    desired: desiredStateSchema.parse(known),
  });
});

test('a broken list of artifacts is refused, not emptied', () => {
  for (const artifacts of ['none', [null], [1], [{}], [{ component: 7 }]])
    expect(readFromPeer(desiredStateSchema, { ...desiredState, artifacts }).success).toBe(false);
});
