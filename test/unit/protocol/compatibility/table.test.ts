// The compatibility table: that each row is whole and reachable, and what it says about the
// hosts that it was made for.
import { describe, expect, test } from 'vitest';
import type { HostTraits } from '../../../../protocol/compatibility/host-traits.ts';
import { bestVersion, describeAllowed, judge } from '../../../../protocol/compatibility/judgement.ts';
import { type Rule, rules, type Subject } from '../../../../protocol/compatibility/table.ts';
import { describeRange, isWithin } from '../../../../protocol/compatibility/versions.ts';

const all: readonly Rule[] = rules;

describe('each row', () => {
  test('has a name of its own and a reason in both languages', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const { reason } of all) {
      expect(reason.en).toMatch(/^\S.*[^.]$/);
      expect(reason.zh).toMatch(/[\u4e00-\u9fff]/);
    }
  });

  test('says something: a verdict or a setting', () => {
    // cilium-early-kernel only explains what is missing there.
    const idle = all.filter((rule) => rule.verdict === 'allowed' && rule.settings === undefined);
    expect(idle.map(({ id }) => id)).toEqual(['cilium-early-kernel']);
  });

  test('names no range that is empty', () => {
    const isEmpty = ({ atLeast, below }: (typeof all)[number]['versions']) =>
      atLeast !== undefined && below !== undefined && !isWithin(atLeast, { atLeast, below });
    expect(isEmpty({ atLeast: '1.2.0', below: '1.2.0' })).toBe(true);
    expect(isEmpty({ atLeast: '1.2.0', below: '1.2.1' })).toBe(false);
    expect(all.filter(({ versions }) => isEmpty(versions))).toEqual([]);
  });
});

test('what is not known of a host is no reason to refuse', () => {
  for (const subject of ['kubelet', 'containerd', 'cilium'] as const) {
    expect(judge(subject, subject === 'cilium' ? '1.17.9' : '1.28.0', { host: {} }).verdict).toBe('allowed');
  }
});

const tk4 = '5.4.119-19.0009.28';
const verdicts: [subject: Subject, version: string, host: HostTraits, verdict: string, rule?: string][] = [
  ['kubelet', '1.17.9', {}, 'refused', 'kubelet-oldest'],
  ['kubelet', 'v1.20.2', { kernelRelease: tk4, cgroupVersion: 1 }, 'allowed'],
  ['kubelet', '1.35.0', { kernelRelease: tk4, cgroupVersion: 1 }, 'discouraged', 'cgroup-v1-late-kubelet'],
  ['kubelet', '1.18.20', { cgroupVersion: 2 }, 'refused', 'cgroup-v2-early-kubelet'],
  ['kubelet', '1.28.0', { kernelRelease: tk4, cgroupVersion: 2 }, 'discouraged', 'cgroup-v2-kernel'],
  ['kubelet', '1.20.2', { systemd: '239', cgroupVersion: 2 }, 'discouraged', 'cgroup-v2-systemd'],
  ['kubelet', '1.20.2', { systemd: '239', cgroupVersion: 1 }, 'allowed'],
  ['kubelet', '1.28.0', { kernelRelease: '4.14.105-19-0020' }, 'refused', 'kubelet-kernel-needed'],
  ['kubelet', '1.28.0', { kernelRelease: '4.18.0-553.el8_10.x86_64' }, 'discouraged'],
  ['cilium', '1.17.9', { kernelRelease: tk4 }, 'allowed'],
  ['cilium', '1.18.3', { kernelRelease: tk4 }, 'refused', 'cilium-late-kernel'],
  ['cilium', '1.18.3', { kernelRelease: '5.10.0' }, 'allowed'],
  ['cilium', '1.18.3', { kernelRelease: '4.18.0-553.el8_10.x86_64' }, 'allowed'],
  ['cilium', '1.18.3', { kernelRelease: '4.18.0-372.el8_6.x86_64' }, 'refused', 'cilium-late-kernel'],
  ['cilium', '1.17.9', { kernelRelease: '4.18.0-348.el8_5.x86_64' }, 'refused', 'cilium-kernel'],
  ['cilium', '1.17.9', { kernelRelease: '4.18.0-41-generic' }, 'refused', 'cilium-kernel'],
  ['cilium', '1.14.0', { kernelRelease: '6.1.0' }, 'refused', 'cilium-oldest'],
  ['containerd', '1.5.11', {}, 'refused', 'containerd-oldest'],
];

test.each(verdicts)('%s %s on %j: %s', (subject, version, host, verdict, rule) => {
  const judgement = judge(subject, version, { host });
  expect(judgement.verdict).toBe(verdict);
  if (rule !== undefined) expect(judgement.rules.map(({ id }) => id)).toContain(rule);
});

describe('containerd beside a kubelet', () => {
  const containerds = ['1.6.9', '1.7.28', '2.1.9', '1.5.11'];
  test.each([
    ['1.18.20', '1.7.28'],
    ['1.22.17', '1.7.28'],
    ['1.23.0', '2.1.9'],
    ['1.35.1', '2.1.9'],
  ])('kubelet %s goes with %s', (kubeletVersion, best) => {
    expect(bestVersion('containerd', containerds, { host: {}, kubeletVersion })).toBe(best);
  });

  test('what is only discouraged is better than nothing, what is refused is not', () => {
    const situation = { host: {}, kubeletVersion: '1.36.2' };
    expect(bestVersion('containerd', ['1.7.28', '1.6.9'], situation)).toBe('1.7.28');
    expect(bestVersion('containerd', ['1.5.11'], situation)).toBeUndefined();
  });

  test('Kubernetes 1.36 warns of containerd 1, 1.37 refuses it', () => {
    const verdict = (kubeletVersion: string, version: string) =>
      judge('containerd', version, { host: {}, kubeletVersion }).verdict;
    expect(verdict('1.35.3', '1.6.20')).toBe('allowed');
    expect(verdict('1.36.2', '1.6.20')).toBe('discouraged');
    for (const version of ['1.6.20', '1.7.28']) expect(verdict('1.37.0', version)).toBe('refused');
    expect(verdict('1.37.0', '2.1.9')).toBe('allowed');
    expect(bestVersion('containerd', ['1.7.28'], { host: {}, kubeletVersion: '1.37.0' })).toBeUndefined();
  });

  test('settings are those of the host', () => {
    const host = { canLowerOomScore: false, glibc: '2.17' };
    expect(judge('containerd', '1.7.28', { host }).settings).toEqual({
      restrict_oom_score_adj: true,
      build: 'static',
    });
    expect(
      judge('containerd', '1.7.28', { host: { canLowerOomScore: true, glibc: '2.36' } }).settings,
    ).toEqual({});
  });
});

test.each([
  [tk4, '≥ 1.15, < 1.18'],
  ['6.6.30', '≥ 1.15'],
  ['4.14.105', undefined],
])('the versions of Cilium that %s can have: %s', (kernelRelease, described) => {
  expect(describeAllowed('cilium', { host: { kernelRelease } })).toBe(described);
});

test('ranges read like ranges', () => {
  expect(describeRange({})).toBe('*');
  expect(describeRange({ below: '1.18' })).toBe('< 1.18');
  expect(describeRange({ atLeast: '1.35' })).toBe('≥ 1.35');
});
