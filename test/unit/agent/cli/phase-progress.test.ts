// What somebody who watches a join sees of several downloads at a time.
import { expect, test } from 'vitest';
import { downloadLine } from '../../../../agent/cli/download-line.ts';
import { PhaseProgress } from '../../../../agent/cli/phase-progress.ts';
import type { HostClock } from '../../../../agent/host/host.ts';
import type { MakeStep } from '../../../../agent/plan/plan.ts';
import { Terminal } from '../../../../protocol/cli/terminal.ts';

const mebibyte = 1024 * 1024;
const download = (title: string, doneMiB: number, totalMiB: number, firstMiB = 0) => ({
  title,
  sinceMs: 1000,
  amount: { firstBytes: firstMiB * mebibyte, doneBytes: doneMiB * mebibyte, totalBytes: totalMiB * mebibyte },
});

test('each with its bytes, all with rate and time left', () => {
  const line = downloadLine(
    [download('fetch kubelet 1.20.2 (30.0 MiB)', 10, 30), download('fetch runc 1.1.5 (3.0 MiB)', 1, 3)],
    2000,
  );
  expect(line).toBe(
    'fetch kubelet 1.20.2: 10.0/30.0 MiB, fetch runc 1.1.5: 1.0/3.0 MiB, 11.0 MiB/s, 2 s left',
  );
});

test('what was there before does not count as fast', () => {
  expect(downloadLine([download('fetch a', 21, 30, 20)], 2000)).toBe(
    'fetch a: 21.0/30.0 MiB, 1.0 MiB/s, 9 s left',
  );
});

test('one that has brought nothing yet is not told, and no time is made up', () => {
  expect(downloadLine([{ title: 'fetch b', sinceMs: 0 }, download('fetch a', 0, 30)], 2000)).toBe(
    'fetch a: 0.0/30.0 MiB, 0.0 MiB/s',
  );
});

test('the time left is for those too that wait for their turn', () => {
  expect(downloadLine([download('fetch a', 10, 30)], 2000, 40 * mebibyte)).toBe(
    'fetch a: 10.0/30.0 MiB, 10.0 MiB/s, 6 s left',
  );
});

test('archives side by side: those that unpack are not in the line, those that wait are in the time left', () => {
  const notes: string[] = [];
  let nowMs = 0;
  const terminal = {
    isWatched: true,
    passing: (line: string) => notes.push(line.trim()),
    note: () => undefined,
    progress: () => undefined,
  } as unknown as Terminal;
  const progress = new PhaseProgress(terminal, { monotonicMs: () => nowMs } as HostClock);
  const fetch = (name: string): MakeStep => {
    const artifact = {
      component: 'runc',
      version: name,
      architecture: 'amd64',
      path: '/artifacts/a',
    } as const;
    const sized = { ...artifact, sha256: name, sizeBytes: 10 * mebibyte };
    const resource = { kind: 'artifact', artifact: sized, tree: '/t' } as const;
    return { action: 'make', key: name, title: `fetch ${name}`, reason: '', diff: [], resource };
  };
  const [a, b, c] = [fetch('a'), fetch('b'), fetch('c')];
  const unpackA: MakeStep = { ...a, key: 'tree:a', title: 'unpack a' };
  progress.plan({ steps: [a, b, c], skipped: [] });
  const begin = (step: MakeStep) => progress.step({ type: 'begin', step, index: 0, total: 3 });
  const bytes = (step: MakeStep, mib: number) =>
    progress.step({ type: 'bytes', step, doneBytes: mib * mebibyte, totalBytes: 10 * mebibyte });
  progress.phase('install', 'install');
  begin(a);
  begin(b);
  bytes(a, 0);
  bytes(b, 0);
  nowMs = 1000;
  bytes(b, 5);
  progress.step({ type: 'end', step: a, elapsedMs: 1000 });
  begin(unpackA);
  nowMs = 2000;
  bytes(b, 5);
  expect(notes.at(-1)).toBe('fetch b: 5.0/10.0 MiB, 2.5 MiB/s, 6 s left');
});

test('a step that takes no time has no line of its own, unless every one is asked for', () => {
  const told = (options: { verbose?: boolean }) => {
    const lines: string[] = [];
    const terminal = new Terminal({
      ...{ language: 'en', json: false, noColor: true, stdout: { write: () => undefined } },
      stderr: { write: (text: string) => lines.push(text.trimEnd()) },
    });
    const progress = new PhaseProgress(terminal, { monotonicMs: () => 0 } as HostClock, options);
    const resource = { kind: 'link', path: '/l', target: '/t' } as const;
    const step = (title: string): MakeStep => ({
      ...{ action: 'make', key: title, title, reason: '', diff: [], resource },
    });
    const end = (title: string, elapsedMs: number) => {
      progress.step({ type: 'begin', step: step(title), index: 0, total: 3 });
      progress.step({ type: 'end', step: step(title), elapsedMs });
    };
    progress.phase('install', 'install');
    end('link a', 4);
    end('unpack kubelet', 2300);
    end('link b', 5);
    progress.end();
    progress.phase('ready', 'wait');
    progress.end();
    return lines;
  };
  expect(told({})).toEqual([
    '[..] install',
    '     unpack kubelet (2.3 s)',
    '     2 short steps (--verbose lists them)',
    '[ok] install (0.0 s)',
    '[..] wait',
    '[ok] wait (0.0 s)',
  ]);
  expect(told({ verbose: true })).toEqual(
    expect.arrayContaining(['     link a (0.0 s)', '     unpack kubelet (2.3 s)', '     link b (0.0 s)']),
  );
});
