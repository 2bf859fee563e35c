// Options that nobody gives: knip knows exports, this knows the optional members of the interfaces
// whose names end with Options. An option is given where another file has its name as a key. Tests
// count, since many options are there to make a test fast. It goes by names, so a dead option may hide
// behind another of the same name.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Node } from 'oxc-parser';
import { expect, test } from 'vitest';
import { visitSyntax } from '../syntax.ts';

interface Source {
  readonly file: string;
  readonly text: string;
}

interface Option {
  readonly type: string;
  readonly name: string;
  readonly file: string;
}

test('each option is given by somebody', () => {
  const listed = execFileSync('git', [
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '*.ts',
  ]);
  const sources = listed
    .toString()
    .split('\0')
    .filter((file) => file !== '' && existsSync(file))
    .map((file) => ({ file, text: readFileSync(file, 'utf8') }));
  const options = optionsIn(sources);
  expect(options.length).toBeGreaterThan(100);
  expect(notGiven(options, sources)).toEqual([]);
});

test('an option that only its own default gives is found', () => {
  const sources = [
    {
      file: 'a.ts',
      text: 'interface AOptions { one?: number; two?: number } const defaults = { one: 1, two: 2 };',
    },
    { file: 'b.ts', text: 'a({ two: 3 }); const { one } = b;' },
  ];
  expect(notGiven(optionsIn(sources), sources)).toEqual(['AOptions.one in a.ts']);
});

function optionsIn(sources: readonly Source[]): Option[] {
  const found: Option[] = [];
  for (const { file, text } of sources) {
    if (!/\binterface \w+Options\b/.test(text)) continue;
    const visit = (node: Node): void => {
      if (node.type !== 'TSInterfaceDeclaration' || !node.id.name.endsWith('Options')) return;
      for (const member of node.body.body) {
        const name =
          member.type === 'TSPropertySignature' && member.optional ? nameOf(member.key) : undefined;
        if (name !== undefined) found.push({ type: node.id.name, name, file });
      }
    };
    visitSyntax(file, visit, text);
  }
  return found;
}

/** Reads only the files that may hold what is still looked for: to parse all of them takes seconds. */
function notGiven(options: readonly Option[], sources: readonly Source[]): string[] {
  let open = options;
  for (const { file, text } of sources) {
    const words = new Set(text.match(/\w+(?=\s*[:,}]| =)/g));
    const sought = open.filter((option) => option.file !== file && words.has(option.name));
    if (sought.length === 0) continue;
    const given = keysIn(file, text);
    open = open.filter((option) => !sought.includes(option) || !given.has(option.name));
  }
  return open.map(({ type, name, file }) => `${type}.${name} in ${file}`);
}

function keysIn(file: string, text: string): Set<string> {
  const keys = new Set<string>();
  const keep = (key: Node): void => {
    const name = nameOf(key);
    if (name !== undefined) keys.add(name);
  };
  const visit = (node: Node): void => {
    if (node.type === 'ObjectExpression') {
      for (const property of node.properties) if (property.type === 'Property') keep(property.key);
    }
    if (node.type === 'AssignmentExpression' && node.left.type === 'MemberExpression')
      keep(node.left.property);
  };
  visitSyntax(file, visit, text);
  return keys;
}

function nameOf(key: Node): string | undefined {
  if (key.type === 'Identifier') return key.name;
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
}
