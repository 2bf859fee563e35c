// What a download of the official release does when there is no way to it, and when what
// comes is not what it should be.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { downloadRelease, NotReachable } from '../../../../scripts/kubernetes/release.ts';
import { silentProgress } from '../../../../scripts/machine/progress.ts';

let folder: string;
const body = 'a kubelet';
const hash = createHash('sha256').update(body).digest('hex');

/** The release's web server in place of the global fetch, which is the only door that the module has. */
function answerWith(answers: Readonly<Record<string, () => Response>>): void {
  vi.stubGlobal('fetch', async (url: string) => {
    const answer = Object.entries(answers).find(([end]) => url.endsWith(end))?.[1];
    if (answer === undefined) throw new TypeError('fetch failed');
    return answer();
  });
}

const download = () =>
  downloadRelease({
    version: 'v1.20.2',
    architecture: 'amd64',
    names: ['kubelet'],
    folder,
    progress: silentProgress,
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-release-'));
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await rm(folder, { recursive: true, force: true });
});

test('no way there', async () => {
  answerWith({});
  await expect(download()).rejects.toThrow(NotReachable);
});

test('a proxy that answers in its stead counts as no way there', async () => {
  answerWith({ '.sha256': () => new Response('forbidden', { status: 403 }) });
  await expect(download()).rejects.toThrow(NotReachable);
});

test('a version that does not exist is an error, not a reason to build another one', async () => {
  answerWith({ '.sha256': () => new Response('not found', { status: 404 }) });
  await expect(download()).rejects.toThrow(/404/);
  await expect(download()).rejects.not.toThrow(NotReachable);
});

test('a wrong hash is an error', async () => {
  answerWith({ '.sha256': () => new Response('0'.repeat(64)), kubelet: () => new Response(body) });
  await expect(download()).rejects.toThrow(/sha256/);
});

test('the right one is there, and may be run', async () => {
  answerWith({ '.sha256': () => new Response(`${hash}\n`), kubelet: () => new Response(body) });
  await download();
  expect(await readFile(join(folder, 'kubelet'), 'utf8')).toBe(body);
});
