// A host's identity, as the os-release(5) readers of the world parse it.
import { expect, test } from 'vitest';
import { identityFiles } from '../../../../scripts/sandbox/identity.ts';

const field = (text: string | undefined, name: string) =>
  new RegExp(`^${name}="(.*)"$`, 'm').exec(text ?? '')?.[1];

test.each([
  ['tencentos-3.1', '3.1', 'TencentOS Server 3.1 (Final)', 'platform:el8'],
  ['tencentos-2.4', '2.4', 'TencentOS Server 2.4', undefined],
] as const)('%s', (identity, version, name, platform) => {
  const release = identityFiles(identity)['etc/os-release'];
  expect(field(release, 'ID')).toBe('tencentos');
  expect(field(release, 'VERSION_ID')).toBe(version);
  expect(field(release, 'PRETTY_NAME')).toBe(name);
  expect(field(release, 'PLATFORM_ID')).toBe(platform);
});

test('a Debian host stays one', () => {
  expect(identityFiles('debian-12')).toEqual({});
});
