// Each distribution as its installer leaves it, with an exact list of what preflight says about it.
import { describe, expect, test } from 'vitest';
import { runPreflight } from '../../../../agent/preflight/runner.ts';
import {
  type Distribution,
  distributions,
  gatewayUrl,
  withDistribution,
} from '../../../fixtures/distribution.ts';

interface Expected {
  readonly verdict: 'can-join' | 'cannot-join';
  readonly fail: readonly string[];
  readonly warn: readonly string[];
  /** Only warned about when the pool uses Cilium. */
  readonly warnCilium?: readonly string[];
}

const enterprise = ['FIREWALLD', 'SELINUX', 'NFS_CLIENT'];

const expected: Readonly<Record<Distribution, Expected>> = {
  'tencentos-3.1': { verdict: 'can-join', fail: [], warn: [] },
  'tencentos-2.4-tk4': { verdict: 'can-join', fail: [], warn: [], warnCilium: ['BPF_FILE_SYSTEM'] },
  'tencentos-2.4-plain': { verdict: 'cannot-join', fail: ['OPERATING_SYSTEM'], warn: [] },
  'centos-7': { verdict: 'cannot-join', fail: ['OPERATING_SYSTEM'], warn: enterprise },
  'rocky-8': { verdict: 'can-join', fail: [], warn: ['OPERATING_SYSTEM', 'KERNEL_VERSION', ...enterprise] },
  'rocky-9': { verdict: 'can-join', fail: [], warn: ['OPERATING_SYSTEM', ...enterprise] },
  'ubuntu-22.04': { verdict: 'cannot-join', fail: ['SWAP'], warn: ['OPERATING_SYSTEM', 'NFS_CLIENT'] },
  'debian-12': { verdict: 'can-join', fail: [], warn: ['OPERATING_SYSTEM', 'NFS_CLIENT'] },
  'openeuler-22.03': { verdict: 'can-join', fail: [], warn: ['OPERATING_SYSTEM', ...enterprise] },
};

describe.each(distributions)('%s', (name) => {
  test.each(['external', 'cilium'] as const)('in a pool with %s network', async (networkMode) => {
    const report = await withDistribution(name, {}, (host) =>
      runPreflight(host, {
        gatewayUrl,
        networkMode,
        kubernetesVersion: 'v1.28.0',
        caPem: 'PEM',
        clusterCidrs: ['172.20.0.0/16'],
      }),
    );
    const saying = (verdict: string) =>
      report.checks.filter((check) => check.verdict === verdict).map((check) => check.code);
    const { verdict, fail, warn, warnCilium = [] } = expected[name];
    expect(saying('fail')).toEqual(fail);
    expect(saying('warn').toSorted()).toEqual(
      [...warn, ...(networkMode === 'cilium' ? warnCilium : [])].toSorted(),
    );
    expect(report.verdict).toBe(verdict);
    expect(report.firstToRepair).toEqual(fail);
  });
});
