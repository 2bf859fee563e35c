// How a stream names a pod.
import { expect, test } from 'vitest';
import { formatPodTarget, parsePodTarget } from '../../../../protocol/tunnel/pod-target.ts';

const uid = '8f3c5a04-1b2d-4c6e-9f80-5a1b2c3d4e5f';

test.each([
  { uid, address: '10.50.1.7', port: 8443 },
  { uid, address: 'fd00:50::7', port: 1 },
  { uid: '8f3c5a041b2d4c6e9f805a1b2c3d4e5f', address: '10.50.1.7', port: 65_535 },
])('$address comes back as it was', (target) => {
  expect(parsePodTarget(formatPodTarget(target))).toEqual(target);
});

test.each([
  'kubelet',
  `pod/${uid}`,
  `pod/${uid}/10.50.1.7`,
  `pod/${uid}/10.50.1.7:0`,
  `pod/${uid}/10.50.1.7:65536`,
  `pod/${uid}/localhost:80`,
  `pod/${uid}/fd00::7:80`,
  `pod/${uid}/10.50.1.7:80/x`,
  `pod/${uid.slice(1)}x/10.50.1.7:80`,
  'pod/../../etc/10.50.1.7:80',
  `pod/${'-'.repeat(36)}/10.50.1.7:80`,
])('%s names none', (text) => {
  expect(parsePodTarget(text)).toBeUndefined();
});
