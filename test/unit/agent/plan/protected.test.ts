// What the file system forbids even to root (chattr +i, +a): one undoing that fails holds up no
// other, and a host on which a change is forbidden is refused before the first change. The attributes
// are real, so this needs root.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { forgetNode, leaveNode } from '../../../../agent/node/leave.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { assertChangeable } from '../../../../agent/plan/cause.ts';
import { executePlan } from '../../../../agent/plan/execute.ts';
import { openJournal, readJournal } from '../../../../agent/plan/journal.ts';
import { observeResources } from '../../../../agent/plan/observe.ts';
import { planChanges } from '../../../../agent/plan/plan.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';
import { undoAll } from '../../../../agent/plan/undo.ts';
import { ensureStateFolder } from '../../../../agent/state/state-folder.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

describe.skipIf(process.getuid?.() !== 0)('with attributes (needs root)', () => {
  let root: string;
  let host: Host;
  let locked: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'regnode-protected-'));
    for (const folder of ['var/lib/regnode', 'etc/first', 'etc/second'])
      mkdirSync(join(root, folder), { recursive: true });
    locked = [];
    host = fixtureHost(root, {
      commands: (command, args) => (command === 'lsattr' ? listed(args) : undefined),
    });
  });

  afterEach(() => {
    for (const path of locked) if (existsSync(at(path))) execFileSync('chattr', ['-ia', at(path)]);
    rmSync(root, { recursive: true, force: true });
  });

  const at = (path: string) => (path.startsWith(root) ? path : join(root, path));
  const file = (path: string): Resource => ({ kind: 'file', path, mode: 0o600, content: 'ours' });
  const protect = (path: string, flag: 'i' | 'a') => {
    execFileSync('chattr', [`+${flag}`, at(path)]);
    locked.push(path);
  };

  /** The host's own lsattr, on the folder that stands for its root. */
  function listed(args: readonly string[]): string {
    const paths = args
      .slice(2)
      .map(at)
      .filter((path) => existsSync(path));
    return execFileSync('lsattr', ['-d', '--', ...paths], { encoding: 'utf8' }).replaceAll(` ${root}`, ' ');
  }

  const planOf = async (...resources: Resource[]) =>
    planChanges(await observeResources(host, resources), new Map());

  async function make(...resources: Resource[]): Promise<void> {
    const journal = await openJournal(host);
    await executePlan({ host, backups: openBackups(host) }, journal, await planOf(...resources));
    await journal.close();
  }

  async function undo() {
    const journal = await readJournal(host);
    return undoAll({ host, backups: openBackups(host) }, journal?.entries ?? []);
  }

  test('an immutable file stays, is named with its cause, and the others come back', async () => {
    writeFileSync(at('/etc/second/x'), 'theirs');
    await make(file('/etc/first/x'), file('/etc/second/x'), file('/etc/second/y'));
    protect('/etc/second/x', 'i');

    const { failed, settled, kept } = await undo();
    expect(kept).toEqual([]);
    expect(settled.toSorted()).toEqual(['file:/etc/first/x', 'file:/etc/second/y']);
    expect(failed).toEqual([expect.stringContaining('/etc/second/x is immutable (lsattr)')]);
    expect(failed[0]).toContain('chattr -i /etc/second/x');
    expect(existsSync(at('/etc/first/x'))).toBe(false);
    expect(readFileSync(at('/etc/second/x'), 'utf8')).toBe('ours');

    execFileSync('chattr', ['-i', at('/etc/second/x')]);
    expect((await undo()).failed).toEqual([]);
    expect(readFileSync(at('/etc/second/x'), 'utf8')).toBe('theirs');
  });

  test.each([
    ['the file itself', '/etc/first/x'],
    ['its folder', '/etc/first'],
  ])('a plan is refused before the first change when %s is immutable', async (_, path) => {
    writeFileSync(at('/etc/first/x'), 'theirs');
    protect(path, 'i');
    const plan = await planOf(file('/etc/second/x'), file('/etc/first/x'));
    await expect(assertChangeable(host, plan)).rejects.toMatchObject({
      code: 'PATH_PROTECTED',
      values: { path, attribute: 'immutable', command: `chattr -i ${path}` },
    });
  });

  describe('at the end of a leave', () => {
    const key = `${paths.identity}/key.pem`;
    const setAside = key.replace(paths.state, paths.stateRemoved);
    const leaveAgain = () => leaveNode(host, { force: false, drain: false });

    beforeEach(async () => {
      rmSync(at(paths.state), { recursive: true });
      await ensureStateFolder(host);
      for (const folder of [paths.identity, paths.recovery]) await host.files.makeDirectory(folder, 0o700);
      writeFileSync(at(key), 'secret');
      writeFileSync(at(`${paths.recovery}/journal`), '');
    });

    test('a key that can’t be removed is told, by each run, until it is gone', async () => {
      protect(key, 'i');
      locked.push(setAside);
      expect(await forgetNode(host)).toEqual([expect.stringContaining(`chattr -i ${setAside}`)]);
      expect((await leaveAgain()).failed).toEqual([expect.stringContaining(`chattr -i ${setAside}`)]);
      execFileSync('chattr', ['-i', at(setAside)]);
      locked = [];
      expect((await leaveAgain()).failed).toEqual([]);
      expect(existsSync(at(paths.stateRemoved))).toBe(false);
    });

    test('a state folder that can’t be moved is told, and its files that can go are gone', async () => {
      protect(paths.state, 'i');
      const left = await forgetNode(host);
      expect(left.some((line) => line.includes(`chattr -i ${paths.state}`))).toBe(true);
      expect(existsSync(at(key))).toBe(false);
    });

    test('a copy that can’t be removed keeps the state, so that the next run goes on', async () => {
      const copy = `${paths.recovery}/journal`;
      protect(copy, 'i');
      expect(await forgetNode(host)).toEqual([expect.stringContaining(`chattr -i ${copy}`)]);
      expect(existsSync(at(key))).toBe(true);
      execFileSync('chattr', ['-i', at(copy)]);
      locked = [];
      expect(await forgetNode(host)).toEqual([]);
      expect(existsSync(at(paths.state))).toBe(false);
    });
  });

  test('a plan on a host without such attributes is not refused', async () => {
    await expect(assertChangeable(host, await planOf(file('/etc/first/x')))).resolves.toBeUndefined();
  });
});
