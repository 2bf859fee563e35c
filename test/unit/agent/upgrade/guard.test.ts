// The guard of a new agent: the real script by a real shell, in a folder that stands for the host. It has to
// work when nothing else does, and to do nothing when it isn't its turn.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guardScript, mostStarts } from '../../../../agent/components/agent/guard.ts';

let root: string;
const at = (path: string) => join(root, path);
const memory = 'var/lib/regnode/upgrade';
const unit = 'etc/systemd/system/regnode.service';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-guard-'));
  for (const folder of [memory, 'etc/systemd/system', 'bin']) mkdirSync(at(folder), { recursive: true });
  for (const release of ['1-old', '2-new']) {
    mkdirSync(at(`opt/regnode/releases/${release}/bin`), { recursive: true });
    mkdirSync(at(`opt/regnode/releases/${release}/systemd`));
    writeFileSync(at(`opt/regnode/releases/${release}/bin/regnode`), '', { mode: 0o755 });
    writeFileSync(at(`opt/regnode/releases/${release}/systemd/regnode.service`), `unit of ${release}`);
  }
  symlinkSync('releases/2-new', at('opt/regnode/current'));
  writeFileSync(at(unit), 'unit of 2-new');
  writeFileSync(at(`${memory}/trial`), 'from=1-old\nto=2-new\nwait=20\njson={}\n');
  program('journalctl', 'echo it is broken; echo for good');
  program('systemctl', `echo "$@" >>${at('said')}`);
});
afterEach(() => rmSync(root, { recursive: true }));

function program(name: string, script: string): void {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function guard(turn: 'start' | 'late'): void {
  const script = guardScript.replace(/(?<=^(?:home|memory|unit)=)/gm, root);
  execFileSync('sh', ['-s', turn], { input: script, env: { PATH: `${at('bin')}:/usr/bin:/bin` } });
}

const current = () => readlinkSync(at('opt/regnode/current'));
const failed = () => readFileSync(at(`${memory}/failed`), 'utf8');
const said = () => (existsSync(at('said')) ? readFileSync(at('said'), 'utf8') : '');

test('a new agent may start a few times, then the old one is back, with its unit and the reason', () => {
  for (let start = 1; start <= mostStarts; start++) {
    guard('start');
    expect(current()).toBe('releases/2-new');
  }
  guard('start');
  expect(current()).toBe('releases/1-old');
  expect(readFileSync(at(unit), 'utf8')).toBe('unit of 1-old');
  expect(failed()).toBe(
    `to=2-new\nwhy=it ended ${mostStarts} times before it was well: it is broken;for good;\n`,
  );
  expect(said()).toBe('daemon-reload\n');
});

test('one that never gets well is put away after its time, and the old one started', () => {
  guard('late');
  expect(current()).toBe('releases/1-old');
  expect(failed()).toContain('why=it was not well within 20 s: it is broken');
  expect(said()).toContain('restart --no-block regnode.service');
});

test.each([
  ['the new one is well', () => rmSync(at(`${memory}/trial`))],
  [
    'the link was not flipped yet',
    () => {
      rmSync(at('opt/regnode/current'));
      symlinkSync('releases/1-old', at('opt/regnode/current'));
    },
  ],
  ['the release before is gone', () => rmSync(at('opt/regnode/releases/1-old'), { recursive: true })],
  ['the note is damaged', () => writeFileSync(at(`${memory}/trial`), 'from=../../etc\nto=2-new\n')],
])('it does nothing when %s', (_, prepare) => {
  prepare();
  const before = current();
  for (let start = 0; start <= mostStarts; start++) guard('start');
  guard('late');
  expect(current()).toBe(before);
  expect(existsSync(at(`${memory}/failed`))).toBe(false);
  expect(said()).toBe('');
});

test('it works when systemd and its journal do not', () => {
  program('journalctl', 'exit 1');
  program('systemctl', 'exit 1');
  for (let start = 0; start <= mostStarts; start++) {
    try {
      guard('start');
    } catch {
      // A guard that fails must not matter: its unit ignores the exit code.
    }
  }
  expect(current()).toBe('releases/1-old');
});
