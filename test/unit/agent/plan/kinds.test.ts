// What each kind of resource says about what it sees: pure, in a table. The planner adds nothing but order.
import { describe, expect, test } from 'vitest';
import { kindOf, type Verdict } from '../../../../agent/plan/kind.ts';
import { kinds } from '../../../../agent/plan/kinds/index.ts';
import { planChanges } from '../../../../agent/plan/plan.ts';
import { renderPlan } from '../../../../agent/plan/render.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';

const file: Resource = { kind: 'file', path: '/etc/x', mode: 0o644, content: 'a\nb\n' };
const secret: Resource = { ...file, secret: true, content: 'token: hidden' };
const link: Resource = { kind: 'link', path: '/opt/current', target: 'v2' };
const shared: Resource = { kind: 'directory', path: '/etc/y', mode: 0o755, content: 'shared' };
const ours: Resource = { ...shared, content: 'ours' };
const sysctl: Resource = { kind: 'sysctl', name: 'vm.x', value: '10' };
const unit: Resource = { kind: 'unit', name: 'x.service', stamp: 's2' };
const moduleX: Resource = { kind: 'module', name: 'overlay' };
const unitSeen = { loadState: 'loaded', activeState: 'active', needsReload: false, stamp: 's2' };
const regular = { kind: 'file', mode: 0o644 };

describe('verdicts', () => {
  test.each<[string, Resource, unknown, Verdict['state'], boolean?]>([
    ['a file that is right', file, { status: regular, content: 'a\nb\n' }, 'right'],
    ['no file', file, { status: undefined, content: undefined }, 'wrong'],
    ['another content', file, { status: regular, content: 'a\n' }, 'wrong'],
    ['another mode', file, { status: { ...regular, mode: 0o600 }, content: 'a\nb\n' }, 'wrong'],
    ['a link in its place', file, { status: { kind: 'link' }, content: undefined }, 'wrong'],
    ['a link that is right', link, { kind: 'link', target: 'v2' }, 'right'],
    ['a link to the version before', link, { kind: 'link', target: 'v1' }, 'wrong'],
    ['a file in place of a link', link, regular, 'wrong'],
    ['a shared folder that is there', shared, { kind: 'directory' }, 'right'],
    ['our folder, there before us', ours, { kind: 'directory' }, 'wrong'],
    ['our folder, noted', ours, { kind: 'directory' }, 'right', true],
    ['our folder, noted and gone', ours, undefined, 'wrong', true],
    ['a parameter that is set', sysctl, '10', 'right'],
    ['a parameter that is not', sysctl, '0', 'wrong'],
    ['a larger parameter', sysctl, '11', 'wrong'],
    ['a larger parameter where that will do', { ...sysctl, atLeast: true } as Resource, '11', 'right'],
    ['a parameter that the kernel lacks', sysctl, undefined, 'skipped'],
    ['a module that is there', moduleX, 'present', 'right'],
    ['a module that can be loaded', moduleX, 'loadable', 'wrong'],
    ['a kernel without modules', moduleX, 'no-modules', 'skipped'],
    ['a unit that runs', unit, unitSeen, 'right'],
    ['a unit that stands', unit, { ...unitSeen, activeState: 'inactive' }, 'wrong'],
    [
      'a unit that is starting with what it should',
      unit,
      { ...unitSeen, activeState: 'activating' },
      'right',
    ],
    [
      'a unit that fails again and again',
      unit,
      { ...unitSeen, activeState: 'activating', stamp: undefined },
      'wrong',
    ],
    ['a unit that failed', unit, { ...unitSeen, activeState: 'failed' }, 'wrong'],
    ['a unit with an older configuration', unit, { ...unitSeen, stamp: 's1' }, 'wrong'],
    ['a unit of somebody else', unit, { ...unitSeen, stamp: undefined }, 'wrong'],
    ['a unit file that systemd has not read', unit, { ...unitSeen, needsReload: true }, 'wrong'],
  ])('%s', (_, resource, observed, state, journaled = false) => {
    expect(kindOf(kinds, resource).compare(resource, observed, journaled).state).toBe(state);
  });
});

describe('plans', () => {
  const nothing = new Map();

  test('nothing to do is an empty plan', () => {
    const plan = planChanges([{ resource: file, observed: { status: regular, content: 'a\nb\n' } }], nothing);
    expect(plan).toEqual({ steps: [], skipped: [] });
  });

  test('what nobody wants any more is taken back, last made first; notes and versions stay', () => {
    const journaled = new Map(
      ['file:/a', 'link:/b', 'tree:/c', 'pod-network', 'claim:/d'].map((key) => {
        const kind = key.split(':')[0] ?? '';
        return [key, { key, kind, entries: [{}] as [unknown] }];
      }),
    );
    expect(planChanges([], journaled).steps.map((step) => `${step.action} ${step.key}`)).toEqual([
      'withdraw link:/b',
      'withdraw file:/a',
    ]);
  });

  test('are read as a diff, and a secret is never shown', () => {
    const plan = planChanges(
      [
        { resource: file, observed: { status: regular, content: 'a\nc\n' } },
        { resource: secret, observed: { status: undefined, content: undefined } },
        { resource: sysctl, observed: undefined },
      ],
      nothing,
    );
    const text = renderPlan(plan, false);
    expect(text).toBe(
      [
        '+ write /etc/x  (other content)',
        '        a',
        '      - c',
        '      + b',
        '+ write /etc/x  (absent)',
        '      (the content is secret)',
        '  [skip] set vm.x = 10  (this kernel has no such parameter)',
        '',
      ].join('\n'),
    );
  });
});
