// What becomes of a machine's apt configuration in the private one that the scripts use.
import { describe, expect, test } from 'vitest';
import { privateSources } from '../../../../scripts/machine/sources.ts';

const one = (text: string) => privateSources([{ path: '/etc/apt/sources.list', text }]);
const deb822 = (text: string) => privateSources([{ path: '/etc/apt/sources.list.d/x.sources', text }]);

describe('one line per source', () => {
  test.each([
    ['nothing', ''],
    ['a comment', '# deb http://mirror.example/debian bookworm main'],
    ['a third party', 'deb https://packages.example.com/apt cloud-sdk-bookworm main'],
    ['a flat repository', 'deb https://example.com/repository ./'],
    ['source packages alone', 'deb-src http://mirror.example/debian bookworm main'],
    ['backports', 'deb http://mirror.example/debian bookworm-backports main'],
    ['half a line', 'deb http://mirror.example/debian'],
  ])('%s gives no source', (_, text) => {
    expect(one(text)).toBe('');
  });

  test('a Debian suite is there with its source packages', () => {
    expect(one('deb http://mirror.example/debian bookworm main contrib # main archive\n')).toBe(
      'Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main contrib\n',
    );
  });

  test('options stay: the key above all', () => {
    const line =
      'deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/k.gpg] http://m.example/debian bookworm main';
    expect(one(line)).toContain('Signed-By: /usr/share/keyrings/k.gpg\n');
    expect(one(line)).toContain('Architectures: amd64 arm64\n');
  });

  test('the old form of the security suite is known', () => {
    expect(one('deb http://security.example buster/updates main')).toContain('Suites: buster/updates\n');
  });
});

describe('deb822', () => {
  test.each([
    [
      'another one’s suite',
      'Types: deb\nURIs: https://deb.example/node\nSuites: nodistro\nComponents: main\n',
    ],
    [
      'switched off',
      'Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n',
    ],
    ['without an address', 'Types: deb\nSuites: bookworm\nComponents: main\n'],
    [
      'source packages alone',
      'Types: deb-src\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n',
    ],
  ])('%s gives no source', (_, text) => {
    expect(deb822(text)).toBe('');
  });

  test('every stanza with a Debian suite, without the suites that would make results vary', () => {
    const text = `Types: deb
# a comment between
URIs: http://m.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://m.example/debian-security
Suites: bookworm-security
Components: main
`;
    expect(deb822(text)).toBe(`Types: deb deb-src
URIs: http://m.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://m.example/debian-security
Suites: bookworm-security
Components: main
`);
  });

  test('a key that is written into the file stays whole', () => {
    const key = ' -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `Types: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\nSigned-By:\n${key}\n`;
    expect(deb822(text)).toContain(`Signed-By: \n${key}\n`);
  });
});

test('the same source in two files is one', () => {
  const file = { path: '/etc/apt/a.list', text: 'deb http://m.example/debian bookworm main\n' };
  expect(privateSources([file, { ...file, path: '/etc/apt/b.list' }]).match(/Types/g)).toHaveLength(1);
});
