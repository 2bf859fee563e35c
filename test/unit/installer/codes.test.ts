// install.sh and the catalogue agree: every code that the script says is one that `regnode
// explain` knows, with the same exit code; every message has both languages; and the header's
// promise about the last line holds.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isFaultCode } from '../../../protocol/catalogue/fault.ts';
import { catalogue } from '../../../protocol/catalogue/index.ts';

const script = readFileSync('installer/install.sh', 'utf8');
const said = [...script.matchAll(/\bfail ([A-Z_]+) (\d)/g)].map(([, code = '', exit]) => ({
  code,
  exit: Number(exit),
}));

test.each(said)('$code ends with $exit', ({ code, exit }) => {
  expect(isFaultCode(code)).toBe(true);
  if (isFaultCode(code)) expect(catalogue[code].exitCode).toBe(exit);
});

test('all of them were found', () => {
  expect(new Set(said.map(({ code }) => code)).size).toBeGreaterThan(10);
});

test('every note and usage error has a Chinese text', () => {
  const lines = script.replaceAll(/\\\n\s*/g, '').split('\n');
  const spoken = lines.filter((line) => /^\s*(?:.*\|\| )?(?:note|wrong_usage|fail) ['"A-Z]/.test(line));
  expect(spoken.length).toBeGreaterThan(20);
  expect(spoken.filter((line) => !/[\u4e00-\u9fff]/.test(line))).toEqual([]);
});

test('a script that arrives cut off does nothing', () => {
  const commands = script
    .split('\n')
    .filter((line) => /^[^\s#}]/.test(line) && !/^[a-z0-9_]+\(\) \{$/.test(line));
  // The here-document of the usage text starts at the margin.
  const outside = commands.filter((line) => !/^(?:usage: |exit: |USAGE)/.test(line));
  expect(outside).toEqual(['main "$@"']);
  expect(script.endsWith('\nmain "$@"\n')).toBe(true);
});
