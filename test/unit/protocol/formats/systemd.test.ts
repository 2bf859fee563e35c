// What goes into a unit comes out of systemd as it was. systemd's own parser is asked where it is installed
// (its test mode, as an ordinary user); a strict reading of systemd.syntax(7) is asked everywhere.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assignment,
  command,
  line,
  triedCommand,
  unitFile,
  unitOfPath,
  words,
} from '../../../../protocol/formats/systemd.ts';
import { anyText, brokenText, encodedOrRefused, oneLine } from './texts.ts';

/** systemd.syntax(7): words in quotes, C escapes, specifiers; `$$` for one `$` where there are variables. */
function wordsOf(text: string, hasVariables: boolean): string[] {
  const found: string[] = [];
  const word = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"'\\]+))(?=\s|$)/gy;
  while (word.lastIndex < text.length) {
    const match = word.exec(text);
    if (match === null) throw new Error(`systemd would not take this: ${text}`);
    const unescaped = (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/g, (_, letter: string) => {
      if (letter === '\\' || letter === '"') return letter;
      throw new Error(`an escape that we never write: \\${letter}`);
    });
    if (/(?<!%)(?:%%)*%(?!%)/.test(unescaped)) throw new Error(`a specifier: ${unescaped}`);
    if (hasVariables && /(?<!\$)(?:\$\$)*\$(?!\$)/.test(unescaped))
      throw new Error(`a variable: ${unescaped}`);
    const literal = unescaped.replaceAll('%%', '%');
    found.push(hasVariables ? literal.replaceAll('$$', '$') : literal);
  }
  return found;
}

describe('any text', () => {
  test('is an argument of a command as it is, or is refused', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 4 }), (args) => {
        const value = encodedOrRefused(() => command('/bin/true', ...args));
        if (value === undefined) return;
        expect(value).not.toMatch(/[\n\r]/);
        expect(wordsOf(value, true)).toEqual(['/bin/true', ...args]);
      }),
      { numRuns: 3000 },
    );
  });

  test('is a variable of the environment as it is, or is refused', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const value = encodedOrRefused(() => assignment('A', text));
        if (value !== undefined) expect(wordsOf(value, false)).toEqual([`A=${text}`]);
      }),
      { numRuns: 2000 },
    );
  });

  test('with a line break, a control or half a character is refused everywhere', () => {
    fc.assert(
      fc.property(brokenText, (text) => {
        for (const encode of [
          () => command('/bin/true', text),
          () => command(text),
          () => assignment('A', text),
          () => line(text),
          () => words(text),
          () => unitOfPath(`/${text}`, 'mount'),
        ])
          expect(encodedOrRefused(encode)).toBeUndefined();
      }),
    );
  });
});

test('what a value must not begin or end with', () => {
  for (const text of ['', ' a', 'a ', 'a\\']) expect(() => line(text)).toThrow(/may not stand/);
  for (const program of ['true', '-/bin/true', '@/bin/true', '/bin/a b', '/bin/%h', '/bin/$X'])
    expect(() => command(program), program).toThrow(/may not stand/);
  expect(triedCommand('/bin/sh', '/x', 'start')).toBe('-/bin/sh /x start');
  expect(words('network.target', 'dev-sda\\x2d1.mount')).toBe('network.target dev-sda\\x2d1.mount');
});

const systemd = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((path) => existsSync(path));

describe.runIf(systemd !== undefined)('systemd itself', () => {
  test('hands the arguments and variables on that were meant', () => {
    const args = fc.sample(fc.array(oneLine, { minLength: 1, maxLength: 3 }), { numRuns: 300, seed: 7 });
    const variables = fc.sample(oneLine, { numRuns: 300, seed: 8 }).map((text, index) => [`V${index}`, text]);
    const description = 'a %n "quoted" \\n thing; # no comment';
    const shown = understood(
      unitFile('Written by a test', {
        Unit: [['Description', line(description)]],
        Service: [
          ['Type', words('oneshot')],
          ...args.map((given) => ['ExecStart', command('/bin/true', ...given)] as const),
          ...variables.map(([name = '', text = '']) => ['Environment', assignment(name, text)] as const),
        ],
      }),
    );
    expect(shown.description).toBe(description);
    expect(shown.commands).toEqual(args.map((given) => ['/bin/true', ...given]));
    expect(shown.environment).toEqual(variables.map(([name, text]) => `${name}=${text}`));
  });

  test('names the unit of a path as we do', () => {
    const paths = fc
      .sample(
        fc.array(fc.oneof(oneLine, fc.constantFrom('a', '.b', 'c-d')), { minLength: 1, maxLength: 3 }),
        {
          numRuns: 100,
          seed: 9,
        },
      )
      .map((parts) => `/${parts.join('/')}`)
      .filter((path) => !path.split('/').some((part) => part === '.' || part === '..'))
      .filter((path) => path.split('/').some((part) => part !== ''));
    const names = execFileSync('systemd-escape', ['--path', '--suffix=mount', '--', ...paths], {
      encoding: 'utf8',
    });
    expect(names.trim().split(' ')).toEqual(paths.map((path) => unitOfPath(path, 'mount')));
  });
});

/** systemd's test mode loads a unit and prints what it understood; it refuses to do so as root. */
function understood(content: string) {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'));
  try {
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, 'test.service'), content, { mode: 0o644 });
    const env = {
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      SYSTEMD_UNIT_PATH: `${folder}:`,
      SYSTEMD_LOG_LEVEL: 'err',
    };
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const said = execFileSync(systemd ?? '', ['--test', '--user', '--unit=test.service', '--no-pager'], {
      encoding: 'utf8',
      env,
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'ignore'],
      ...nobody,
    });
    const about = said.split(/^\t?-> Unit /m).find((part) => part.startsWith('test.service:')) ?? '';
    const all = (name: string) =>
      [...about.matchAll(new RegExp(`^\\s+${name}: (.*)$`, 'gm'))].map((m) => m[1] ?? '');
    return {
      description: all('Description')[0],
      environment: all('Environment'),
      commands: all('Command Line').map(argumentsOf),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * systemd shows a word in quotes of a shell when it needs them; `$$` becomes `$` when it starts the command.
 */
function argumentsOf(shown: string): string[] {
  const found = [...shown.matchAll(/"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+)/g)];
  return found.map(([, quoted, bare = '']) => {
    const text = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
    return text.replaceAll('$$', () => '$');
  });
}
