// Undoing gives back what was there and nothing else: somebody's own change in the
// meantime stays and is told.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { executePlan } from '../../../../agent/plan/execute.ts';
import { foldJournal } from '../../../../agent/plan/fold.ts';
import { openJournal, readJournal } from '../../../../agent/plan/journal.ts';
import { observeResources } from '../../../../agent/plan/observe.ts';
import { planChanges } from '../../../../agent/plan/plan.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';
import { undoAll } from '../../../../agent/plan/undo.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
let host: Host;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-undo-'));
  mkdirSync(join(root, 'var/lib/regnode'), { recursive: true });
  mkdirSync(join(root, 'etc'));
  host = fixtureHost(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (path: string) => join(root, path);
const put = (path: string, content: string) => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
};
const read = (path: string) => readFileSync(at(path), 'utf8');
const file = (content: string): Resource => ({ kind: 'file', path: '/etc/x', mode: 0o600, content });

async function make(...resources: Resource[]): Promise<number> {
  const journal = await openJournal(host);
  const plan = planChanges(await observeResources(host, resources), foldJournal(journal.entries));
  await executePlan({ host, backups: openBackups(host) }, journal, plan);
  await journal.close();
  return plan.steps.length;
}

async function undo(): Promise<readonly string[]> {
  const { kept, failed } = await undoEach();
  expect(failed).toEqual([]);
  return kept;
}

async function undoEach() {
  const journal = await readJournal(host);
  return undoAll({ host, backups: openBackups(host) }, journal?.entries ?? []);
}

test('a file that was not there goes', async () => {
  await make(file('ours'));
  expect(await undo()).toEqual([]);
  expect(existsSync(at('/etc/x'))).toBe(false);
});

test('a file that was there comes back with its mode, however often we wrote it', async () => {
  put('/etc/x', 'theirs');
  await make(file('ours'));
  await make(file('ours, newer'));
  expect(read('/etc/x')).toBe('ours, newer');
  expect(await undo()).toEqual([]);
  expect(read('/etc/x')).toBe('theirs');
  expect(lstatSync(at('/etc/x')).mode & 0o777).toBe(0o644);
  expect(await undo()).toEqual([]);
});

test('a link that stood where a file was wanted comes back', async () => {
  symlinkSync('/etc/target', at('/etc/x'));
  await make(file('ours'));
  expect(lstatSync(at('/etc/x')).isFile()).toBe(true);
  expect(await undo()).toEqual([]);
  expect(readlinkSync(at('/etc/x'))).toBe('/etc/target');
});

test('a file that was changed since stays, and what was there before us is put beside it', async () => {
  put('/etc/x', 'theirs');
  await make(file('ours'));
  put('/etc/x', 'edited by hand');
  expect(await undo()).toEqual([
    '/etc/x was changed since; what was there before is /etc/x.regnode-original',
  ]);
  expect(read('/etc/x')).toBe('edited by hand');
  expect(read('/etc/x.regnode-original')).toBe('theirs');
});

test('drift is repaired, and the leave still gives back what was before the join', async () => {
  put('/etc/x', 'theirs');
  await make(file('ours'));
  put('/etc/x', 'drift');
  expect(await make(file('ours'))).toBe(1);
  expect(read('/etc/x')).toBe('ours');
  expect(await undo()).toEqual([]);
  expect(read('/etc/x')).toBe('theirs');
});

test('a folder of ours is emptied of what is new; what was there stays', async () => {
  put('/var/lib/kubelet/theirs', 'kept');
  await make({ kind: 'directory', path: '/var/lib/kubelet', mode: 0o755, content: 'ours' });
  put('/var/lib/kubelet/pods/a', 'x');
  expect(await undo()).toEqual([]);
  expect(read('/var/lib/kubelet/theirs')).toBe('kept');
  expect(existsSync(at('/var/lib/kubelet/pods'))).toBe(false);
});

test("a shared folder with a user's own file stays and is told", async () => {
  await make({ kind: 'directory', path: '/etc/shared', mode: 0o755, content: 'shared' });
  put('/etc/shared/own', 'x');
  expect(await undo()).toEqual(['/etc/shared holds what is not ours: own']);
  expect(read('/etc/shared/own')).toBe('x');
});

test('a directory in the way is refused before anything changes', async () => {
  mkdirSync(at('/etc/x'));
  await expect(make(file('ours'))).rejects.toMatchObject({ code: 'PATH_OCCUPIED' });
  expect((await readJournal(host))?.entries).toEqual([]);
});

test('a backup that is gone is told, and the file is left', async () => {
  put('/etc/x', 'theirs');
  await make(file('ours'));
  rmSync(at('/var/lib/regnode/backups'), { recursive: true });
  expect(await undo()).toEqual([expect.stringMatching(/the backup .* is missing or damaged/)]);
  expect(read('/etc/x')).toBe('ours');
});

test('an entry of a kind that this release does not know is told', async () => {
  const journal = await openJournal(host);
  await journal.append(
    { key: 'mystery:/x', kind: 'mystery', entry: {} },
    { key: 'file:/x', kind: 'file', entry: { surprising: true } },
  );
  await journal.close();
  expect(await undo()).toEqual([
    'file:/x: its journal entry is not understood',
    'mystery:/x: unknown kind mystery',
  ]);
});
