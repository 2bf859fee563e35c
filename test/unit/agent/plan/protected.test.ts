// What the file system forbids even to root (chattr +i, +a): one undoing that fails holds up no
// other, and a host on which a change is forbidden is refused before the first change. The attributes
// are real, so this needs root.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { assertChangeable } from '../../../../agent/plan/cause.ts';
import { executePlan } from '../../../../agent/plan/execute.ts';
import { openJournal, readJournal } from '../../../../agent/plan/journal.ts';
import { observeResources } from '../../../../agent/plan/observe.ts';
import { planChanges } from '../../../../agent/plan/plan.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';
import { undoAll } from '../../../../agent/plan/undo.ts';
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
    for (const path of locked) execFileSync('chattr', ['-ia', at(path)]);
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

  test('a plan on a host without such attributes is not refused', async () => {
    await expect(assertChangeable(host, await planOf(file('/etc/first/x')))).resolves.toBeUndefined();
  });
});
