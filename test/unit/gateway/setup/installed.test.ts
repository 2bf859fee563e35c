// Custom resources of an older release are found, by what they would drop; those of a later one are taken.
import { expect, test } from 'vitest';
import { changePool } from '../../../../gateway/cli/pool-set-command.ts';
import { customResourceDefinitions } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { resourceDefinitions } from '../../../../gateway/resources/definitions.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { missingFrom, requireInstalled } from '../../../../gateway/setup/installed.ts';
import { putAt, valueAt } from '../../../../protocol/settings/setting.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { pool } from '../pool.ts';

const [ours] = resourceDefinitions();
if (ours === undefined) throw new Error('no definitions');

/** Ours, with one place of a NodePool's spec changed. */
function changed(path: string, change: (schema: Record<string, unknown>) => void) {
  const other = structuredClone(ours) as NonNullable<typeof ours>;
  const { versions } = other.spec as { versions: { schema: { openAPIV3Schema: object } }[] };
  const schema = versions[0]?.schema.openAPIV3Schema as Record<string, unknown>;
  change(valueAt(schema, path) as Record<string, unknown>);
  return other;
}
const spec = 'properties.spec.properties';
const kubelet = `${spec}.kubelet.properties`;
const without = (path: string, name: string) => changed(path, (schema) => void delete schema[name]);

test.each<[string, ReturnType<typeof changed>, string[]]>([
  ['the same', ours, []],
  ['a field less', without(kubelet, 'evictionHard'), ['spec.kubelet.evictionHard']],
  ['a part less', without(spec, 'downloads'), ['spec.downloads']],
  [
    'a field less of what a list holds',
    without(`${spec}.taints.items.properties`, 'value'),
    ['spec.taints[].value'],
  ],
  [
    'a value less',
    changed(`${spec}.driftPolicy`, (schema) => putAt(schema, 'enum', ['repair'])),
    ['spec.driftPolicy=report'],
  ],
  [
    'another type',
    changed(`${spec}.maxNodes`, (schema) => putAt(schema, 'type', 'string')),
    ['spec.maxNodes'],
  ],
  [
    'one that keeps everything',
    changed(`${spec}.kubelet`, (schema) => {
      delete schema.properties;
      schema['x-kubernetes-preserve-unknown-fields'] = true;
    }),
    [],
  ],
  ['a later one', changed(kubelet, (schema) => putAt(schema, 'fromLater', { type: 'string' })), []],
])('%s', (_what, theirs, missing) => {
  expect(missingFrom(theirs, ours)).toEqual(missing);
});

test('another version is none of ours', () => {
  const other = { ...ours, spec: { versions: [{ name: 'v2', schema: { openAPIV3Schema: {} } }] } };
  expect(missingFrom(other, ours)).toEqual(['version v1alpha1']);
});

const forbidden = new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: '' });

function cluster(definition: typeof ours) {
  const kubernetes = memoryKubernetes();
  const made = [
    kubernetes.create(customResourceDefinitions, definition as NonNullable<typeof ours>),
    kubernetes.create(nodePools, pool('idc')),
  ];
  return Promise.all(made).then(() => kubernetes);
}

test('pool set refuses before it writes what would be dropped', async () => {
  const kubernetes = await cluster(without(kubelet, 'imageGarbageCollection'));
  const before = JSON.stringify(kubernetes.stored(nodePools));
  await expect(changePool(kubernetes, 'idc', { imageGcThresholds: '70:60' })).rejects.toMatchObject({
    code: 'SETUP_OUTDATED',
    values: { definition: 'nodepools.regnode.io', missing: 'spec.kubelet.imageGarbageCollection' },
  });
  expect(JSON.stringify(kubernetes.stored(nodePools))).toBe(before);
});

test('who may not read definitions is told by what was kept', async () => {
  const kubernetes = await cluster(ours);
  kubernetes.before = (_verb, plural) => {
    if (plural === customResourceDefinitions.plural) throw forbidden;
  };
  const { changes } = await changePool(kubernetes, 'idc', { maxPods: 60 });
  expect(changes).toEqual(['kubelet.maxPods: 110 → 60']);
  const { replace } = kubernetes;
  kubernetes.replace = async (kind, object) => {
    const { kubelet: _dropped, ...rest } = (object as unknown as { spec: Record<string, unknown> }).spec;
    await replace(kind, { ...object, spec: rest });
    return { ...object, spec: rest };
  };
  await expect(changePool(kubernetes, 'idc', { maxPods: 70 })).rejects.toMatchObject({
    code: 'SETUP_OUTDATED',
    values: { missing: 'spec.kubelet' },
  });
});

test('a gateway that may not read them runs in an older setup', async () => {
  const kubernetes = await cluster(ours);
  kubernetes.before = () => {
    throw forbidden;
  };
  await expect(requireInstalled(kubernetes, 'outdated')).rejects.toMatchObject({ code: 'SETUP_OUTDATED' });
  await requireInstalled(kubernetes, 'unknown');
});
