// What is made from the code is as the code makes it today, and everything that users may
// set, read or meet is in it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { commandsPage, programs } from '../../../../scripts/reference/commands.ts';
import { documents } from '../../../../scripts/reference/documents.ts';
import { allVariables } from '../../../../scripts/reference/environment-variables.ts';
import { metricHelp } from '../../../../scripts/reference/metric-help.ts';
import { ownNames } from '../../../../scripts/reference/metrics.ts';
import { table } from '../../../../scripts/reference/table.ts';

vi.stubEnv('REGNODE_LANG', 'en');
const yaml = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as unknown);
const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

test.each(Object.entries(documents))('%s is not stale: else run `npm run schemas`', async (path, make) => {
  const made = await make();
  // Formatted otherwise than they are made.
  if (path.endsWith('.json')) expect(JSON.parse(read(path))).toEqual(JSON.parse(made));
  else if (path.endsWith('.yaml')) expect(yaml(read(path))).toEqual(yaml(made));
  else expect(read(path) === made, `${path} is stale: run npm run schemas`).toBe(true);
});

test('every page is linked from the README of the reference, and that from README.md', () => {
  const index = read('docs/reference/README.md');
  const pages = Object.keys(documents).filter((path) => path.startsWith('docs/reference/'));
  expect(pages.filter((path) => !index.includes(`(${path.replace('docs/reference/', '')})`))).toEqual([]);
  expect(read('README.md')).toContain('(docs/reference/README.md)');
});

describe('the commands', () => {
  test('are all there, with every flag', () => {
    const page = commandsPage();
    const missing = programs().flatMap(function flags(command): string[] {
      const own = command.options.filter(({ hidden }) => !hidden).map((option) => option.flags);
      return [...own.filter((flag) => !page.includes(`\`${flag}\``)), ...command.commands.flatMap(flags)];
    });
    expect(missing).toEqual([]);
    for (const heading of [
      '### `regnode join`',
      '### `regnodectl pool set <name>`',
      '### `regnode-gateway serve`',
    ])
      expect(page).toContain(heading);
  });
});

describe('environment variables', () => {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => /^(?:agent|gateway|protocol|installer|scripts|systemd|test)\//.test(file))
    .filter((file) => !file.startsWith('scripts/reference/') && !/\.(?:md|test\.ts\.snap)$/.test(file))
    .filter((file) => existsSync(file) && !file.startsWith('test/fixtures/'));
  const known = new Set(allVariables.map(({ name }) => name));

  test('of ours are all in the table, and none is there that nobody reads', () => {
    const found = new Set(
      files.flatMap((file) => [...read(file).matchAll(/\bREGNODE_[A-Z0-9_]+/g)].map(String)),
    );
    const inTests = ['REGNODE_TEST_ONLY'];
    expect([...found].filter((name) => !known.has(name) && !inTests.includes(name))).toEqual([]);
    const ours = [...known].filter((name) => name.startsWith('REGNODE_'));
    expect(ours.filter((name) => !found.has(name))).toEqual([]);
  });

  test('of others that the programs read are in the table', () => {
    const programs = files.filter((file) => /^(?:agent|gateway|protocol)\/.*\.ts$/.test(file));
    const asked = programs.flatMap((file) =>
      [...read(file).matchAll(/\b(?:process\.env|environment)\.([A-Z][A-Z0-9_]+)/g)].map(
        ([, name = '']) => name,
      ),
    );
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  test('stand there once', () => {
    expect(known.size).toBe(allVariables.length);
  });
});

test('every metric that is ours has its meaning, and no meaning is of none', async () => {
  const names = await ownNames();
  expect(names.filter((name) => !metricHelp[name])).toEqual([]);
  expect(Object.keys(metricHelp).filter((name) => !names.includes(name))).toEqual([]);
});

test('a table keeps its columns whatever stands in a cell', () => {
  expect(table(['a'], [['x | y\n<b> `<c>`']])).toBe('| a |\n|---|\n| x \\| y<br>&lt;b> `<c>` |');
});
