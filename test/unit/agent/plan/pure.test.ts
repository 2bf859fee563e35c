// The small pure parts of the engine: line diffs, image names, packet filter chains.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineDiff } from '../../../../agent/plan/diff.ts';
import { normalizeImageName } from '../../../../agent/plan/image-name.ts';
import { clusterChains, removalScript } from '../../../../agent/plan/packet-filter.ts';

describe('line diffs', () => {
  test.each([
    ['', '', []],
    ['', 'a\n', ['+ a']],
    ['a\n', '', ['- a']],
    ['a\nb\nc\nd\n', 'a\nb\nX\nd\n', ['  b', '- c', '+ X', '  d']],
  ])('%j → %j', (before, after, expected) => {
    expect(lineDiff(before, after)).toEqual(expected);
  });

  test('a file that is too long is only counted', () => {
    expect(lineDiff('', 'x\n'.repeat(500))).toEqual(['(0 lines become 500)']);
  });

  test('added minus removed is the difference in length', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = lineDiff(before.join('\n'), after.join('\n'));
        const count = (mark: string) => lines.filter((line) => line.startsWith(mark)).length;
        expect(count('+ ') - count('- ')).toBe(after.length - before.length);
      }),
    );
  });
});

test.each([
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1', 'docker.io/library/busybox:1'],
  ['me/tool', 'docker.io/me/tool:latest'],
  ['localhost/pause:1', 'localhost/pause:1'],
  ['registry:5000/a/b', 'registry:5000/a/b:latest'],
  ['ccr.ccs.tencentyun.com/library/pause:3.9', 'ccr.ccs.tencentyun.com/library/pause:3.9'],
  ['a.b/c@sha256:0', 'a.b/c@sha256:0'],
])('image %s is %s', (name, expected) => {
  expect(normalizeImageName(name)).toBe(expected);
});

describe('packet filter', () => {
  const save = [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':KUBE-FIREWALL - [0:0]',
    ':KUBE-OLD - [0:0]',
    ':DOCKER - [0:0]',
    '-A INPUT -j KUBE-FIREWALL',
    '-A INPUT -s 10.0.0.0/8 -m comment --comment "to -j KUBE-FIREWALL or not" -j DOCKER',
    '-A INPUT -j KUBE-OLD',
    '-A KUBE-FIREWALL -j DROP',
    'COMMIT',
    '*nat',
    ':CNI-abc - [0:0]',
    '-A POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \\"sandbox\\"" -j CNI-abc',
    'COMMIT',
    '',
  ].join('\n');

  test('finds the chains that a cluster makes', () => {
    expect(clusterChains(save)).toEqual(['filter KUBE-FIREWALL', 'filter KUBE-OLD', 'nat CNI-abc']);
  });

  test('takes away what is new, and rules that lead there; all else stays', () => {
    expect(removalScript(save, ['filter KUBE-OLD'])).toBe(
      [
        '*filter',
        ':KUBE-FIREWALL - [0:0]',
        '-D INPUT -j KUBE-FIREWALL',
        '-X KUBE-FIREWALL',
        'COMMIT',
        '*nat',
        ':CNI-abc - [0:0]',
        '-D POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \\"sandbox\\"" -j CNI-abc',
        '-X CNI-abc',
        'COMMIT',
        '',
      ].join('\n'),
    );
  });

  test('nothing new is no script at all', () => {
    expect(removalScript(save, clusterChains(save))).toBe('');
    expect(removalScript('', [])).toBe('');
  });
});
