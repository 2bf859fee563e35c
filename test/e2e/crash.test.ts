// kill -9 of the agent on a real host, before and after every entry of the journal of a whole join, and
// before and after every change that a whole leave makes. Each time the next run completes, and after the
// leave the host is what it was. One cycle dies twice: once joining, once leaving. All of them with
// `./scripts/test e2e/crash --full` (with `--from N` it goes on with cycle N); otherwise a tenth, another one
// each day (REGNODE_CRASH_PART picks one). That power may be lost at any moment is
// test/property/agent/{crash,power-loss}-*.test.ts, which see the disk.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { MortalAgents } from './mortal-host.ts';
import { difference, type Observation, observe } from './observation.ts';

const parts = 10;
const isFull = process.env.REGNODE_FULL === '1';
const from = Number(process.env.REGNODE_FROM ?? 1);
const part = Number(process.env.REGNODE_CRASH_PART ?? Math.floor(Date.now() / (24 * 3600_000))) % parts;
/** timeout(1), which stands between, dies of the signal that its command died of. */
const killed = null;
/** They take the cycles by turns: most of a cycle is waiting. */
const names = ['idc-1', 'idc-2', 'idc-3'] as const;

let sandbox: Sandbox;
let hosts: readonly SandboxHost[];
let folder: string;
let agents: MortalAgents;
/**
 * After a first join and leave: the program is there, and nothing else. e2e join compares with before that.
 */
const before = new Map<SandboxHost, Observation>();
let entries: number;
let changes: number;

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'regnode-crash-'));
  sandbox = await startReadySandbox({ name: 'e2e-crash' });
  agents = await MortalAgents.create(sandbox, folder);
  hosts = await Promise.all(names.map((name) => sandbox.addHost({ name })));
  await Promise.all(hosts.map(prepare));
  // One tells for all how many moments there are.
  const [host] = hosts as [SandboxHost];
  await agents.completes(host, 'join', { MORTAL_EFFECTS: '/root/mortal/join' });
  await agents.completes(host, 'leave', { MORTAL_EFFECTS: '/root/mortal/leave' });
  entries = await count(host, 'join', 'journal');
  changes = await count(host, 'leave', 'effect');
  await expectAsBefore(host);
});
afterAll(async () => {
  await sandbox?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test(
  'an agent that is killed at any entry of its journal, joining or leaving, is finished by the next',
  async () => {
    expect(entries).toBeGreaterThan(50);
    expect(changes).toBeGreaterThan(50);
    const joinDeaths = numbers(entries).flatMap((n) => [`journal-before:${n}`, `journal-after:${n}`]);
    // A leave writes no journal. It makes more changes than the journal has entries, and
    // after one is before the next.
    const leaveDeaths = ['effect-before:1', ...numbers(changes).map((n) => `effect-after:${n}`)];
    const all = Math.max(joinDeaths.length, leaveDeaths.length);
    const cycles = Array.from({ length: all }, (_, index) => index).filter((index) =>
      isFull ? index + 1 >= from : index % parts === part,
    );
    expect(cycles, `there are ${all} cycles`).not.toEqual([]);
    process.stdout.write(
      `crash: ${entries} entries, ${changes} changes: ${cycles.length} of ${all} cycles${isFull ? `, from ${from}` : `, part ${part} of ${parts}`}\n`,
    );
    const lived: string[] = [];
    const cycle = async (host: SandboxHost, index: number) => {
      const joining = joinDeaths[index % joinDeaths.length] ?? '';
      const leaving = leaveDeaths[index % leaveDeaths.length] ?? '';
      const startedMs = performance.now();
      const what = `join ${joining}, leave ${leaving}`;
      expect((await agents.run(host, 'join', joining)).exitCode, what).toBe(killed);
      // In the short run every third is left at once, as it is: a leave is a next run, too.
      if (isFull || index % 3 !== 2) await agents.completes(host, 'join', {}, what);
      const left = await agents.run(host, 'leave', leaving);
      if (left.exitCode !== killed) lived.push(what);
      expect([0, killed], what + left.stderr).toContain(left.exitCode);
      if (left.exitCode === killed) await agents.completes(host, 'leave', {}, what);
      await expectAsBefore(host, what);
      process.stdout.write(
        `crash: ${index + 1} of ${all} on ${host.name}: ${what}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`,
      );
    };
    // What fails on one host ends the work of all: nobody goes on behind a test that is over.
    let hasFailed = false;
    const work = async (host: SandboxHost) => {
      try {
        for (let index = cycles.shift(); index !== undefined && !hasFailed; index = cycles.shift())
          await cycle(host, index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    const total = cycles.length;
    const outcomes = await Promise.allSettled(hosts.map(work));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    // A leave of a join that was cut off has less to undo, and may end before its last deaths.
    expect(lived.length, lived.join('\n')).toBeLessThan(total / 2);
  },
  isFull ? 4 * 3600_000 : 20 * 60_000,
);

function numbers(total: number): number[] {
  return Array.from({ length: total }, (_, index) => index + 1);
}

async function prepare(host: SandboxHost): Promise<void> {
  await agents.prepare(host);
  before.set(host, await observe(host));
}

async function expectAsBefore(host: SandboxHost, what = ''): Promise<void> {
  const asBefore = before.get(host);
  if (asBefore === undefined) throw new Error(`${host.name} has not been observed`);
  expect(difference(asBefore, await observe(host)), what).toEqual([]);
}

async function count(host: SandboxHost, file: string, kind: string): Promise<number> {
  const { stdout } = await host.run('grep', ['-c', `^${kind} `, `/root/mortal/${file}`]);
  return Number(stdout.trim());
}
