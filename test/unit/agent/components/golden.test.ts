// Every file that a host gets, for each supported pair of TencentOS and Kubernetes, with either version of
// control groups. They stand in golden/, so that a change of one is seen; containerd is the one that the
// compatibility table chooses.
import { describe, expect, test } from 'vitest';
import type { DesiredNode, NodeFacts } from '../../../../agent/components/component.ts';
import { planComponents } from '../../../../agent/components/index.ts';
import { bestVersion, judge } from '../../../../protocol/compatibility/judgement.ts';
import { artifact, desired, desiredNode, host } from './desired.ts';

const systems: readonly (readonly [name: string, facts: Partial<NodeFacts>])[] = [
  ['tencentos-3.1', { kernelRelease: '5.4.119-19.0009.28', glibc: '2.28', systemd: '239' }],
  ['tencentos-2.4', { kernelRelease: '5.4.119-19-0009.3', glibc: '2.17', systemd: '219' }],
];
const kubelets = ['1.18.20', '1.20.2', '1.24.17', '1.28.15', '1.32.3', '1.35.1'];
const containerds = ['1.6.9', '1.7.28', '2.1.9'];

const pairs = systems.flatMap(([system, facts]) =>
  kubelets.flatMap((kubelet) =>
    ([1, 2] as const).map((cgroupVersion) => ({
      name: `${system}-kubernetes-${kubelet.split('.', 2).join('.')}-cgroup-v${cgroupVersion}`,
      kubelet,
      facts: {
        ...host,
        ...facts,
        cgroupVersion,
        cgroupDriverReason: `cgroup v${cgroupVersion}: systemd manages the tree`,
      },
    })),
  ),
);
const isSupported = ({ kubelet, facts }: (typeof pairs)[number]) =>
  judge('kubelet', kubelet, { host: facts }).verdict !== 'refused';

test.each(pairs.filter(isSupported))('$name', async ({ name, kubelet, facts }) => {
  const containerd = bestVersion('containerd', containerds, { host: facts, kubeletVersion: kubelet }) ?? '';
  const chosen = desired.artifacts.map((one) => {
    if (one.component === 'kubelet') return artifact('kubelet', kubelet);
    return one.component === 'containerd' ? artifact('containerd', containerd) : one;
  });
  await expect(
    files(facts, { ...desiredNode, desired: { ...desired, artifacts: chosen } }),
  ).toMatchFileSnapshot(`./golden/${name}.txt`);
});

test('the only pairs that are not supported are Kubernetes 1.18 on cgroup v2', () => {
  expect(pairs.filter((pair) => !isSupported(pair)).map(({ name }) => name)).toEqual([
    'tencentos-3.1-kubernetes-1.18-cgroup-v2',
    'tencentos-2.4-kubernetes-1.18-cgroup-v2',
  ]);
});

describe('a version gets what it understands', () => {
  const text = (kubelet: string, cgroupVersion: 1 | 2) =>
    files(
      { ...host, cgroupVersion },
      {
        ...desiredNode,
        desired: {
          ...desired,
          artifacts: desired.artifacts.map((one) =>
            one.component === 'kubelet' ? artifact('kubelet', kubelet) : one,
          ),
        },
      },
    );

  test.each(kubelets)('%s is told of its runtime and its taints in exactly one place', (kubelet) => {
    const all = text(kubelet, 1);
    expect(all.includes('--container-runtime-endpoint')).toBe(!all.includes('containerRuntimeEndpoint'));
    expect(all.includes('--register-with-taints')).toBe(!all.includes('registerWithTaints'));
  });

  test('only a kubelet that refuses cgroup v1 by default is told to accept it, and only there', () => {
    const has = (kubelet: string, version: 1 | 2) => text(kubelet, version).includes('failCgroupV1: false');
    expect(has('1.34.9', 1)).toBe(false);
    expect(has('1.35.0', 1)).toBe(true);
    expect(has('v1.36.2', 1)).toBe(true);
    expect(has('1.36.2', 2)).toBe(false);
  });

  test('drop-ins are pointed at from 1.30 on, flags that are gone are gone', () => {
    expect(text('1.28.0', 1)).not.toContain('--config-dir');
    expect(text('1.30.0', 1)).toContain('--config-dir=/etc/kubernetes/kubelet.conf.d');
    expect(text('1.26.9', 1)).toContain('--pod-infra-container-image');
    expect(text('1.35.0', 1)).not.toMatch(/--pod-infra-container-image|--container-runtime/);
  });
});

function files(facts: NodeFacts, from: DesiredNode): string {
  return planComponents(facts, from)
    .flatMap((resource) =>
      resource.kind === 'file' && resource.secret !== true
        ? [`### ${resource.path} ${resource.mode.toString(8)}\n${resource.content}`]
        : [],
    )
    .join('\n');
}
