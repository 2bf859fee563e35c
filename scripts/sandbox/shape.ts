// A bad private line: delay, jitter, loss and a lower rate, the same in both directions. By the kernel's
// netem queue where there is one, else by a small relay between two TAP devices that is put into the cable;
// the host keeps its interface and its connections either way.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import { silentProgress } from '../machine/progress.ts';
import { bridge, cloudInterface, cloudMember, hostInterface } from './line.ts';
import { runInNamespace, startDaemon } from './namespaces.ts';
import { type HostState, runFolder, startTicks } from './registry.ts';
import { waitFor } from './wait.ts';

export interface LineShape {
  /** One way; a round trip takes twice as much. */
  readonly delayMs?: number;
  /** The delay varies by up to this much, up and down; frames stay in order. */
  readonly jitterMs?: number;
  readonly lossPercent?: number;
  readonly rateMbit?: number;
}

/** undefined: the line as good as it gets. */
export async function shapeLine(id: string, host: HostState, shape: LineShape | undefined): Promise<void> {
  await straighten(id, host);
  if (shape === undefined || Object.keys(shape).length === 0) return;
  if (!(await shapeByQueue(id, host, shape))) await shapeByRelay(id, host, shape);
}

async function straighten(id: string, host: HostState): Promise<void> {
  const cloud = inNamespace(id, cloudMember);
  await inNamespace(id, host.name)('tc', ['qdisc', 'del', 'dev', hostInterface, 'root']);
  await cloud('tc', ['qdisc', 'del', 'dev', cloudInterface(host), 'root']);
  const file = relayFile(id, host);
  if (!existsSync(file)) return;
  const relay = JSON.parse(await readFile(file, 'utf8')) as { pid: number; startTicks: string };
  await cloud('ip', ['link', 'set', cloudInterface(host), 'master', bridge]);
  const isRunning = async () => (await startTicks(relay.pid)) === relay.startTicks;
  if (await isRunning()) process.kill(relay.pid, 'SIGKILL');
  await waitFor('the relay to end', async () => !(await isRunning()), { timeoutMs: 10_000, intervalMs: 20 });
  await cloud('ip', ['link', 'del', detour(host)]);
  await rm(file);
}

async function shapeByQueue(id: string, host: HostState, shape: LineShape): Promise<boolean> {
  const queue = [
    'netem',
    ...(shape.delayMs === undefined ? [] : ['delay', `${shape.delayMs}ms`, `${shape.jitterMs ?? 0}ms`]),
    ...(shape.lossPercent === undefined ? [] : ['loss', `${shape.lossPercent}%`]),
    ...(shape.rateMbit === undefined ? [] : ['rate', `${shape.rateMbit}mbit`]),
  ];
  const ends = [
    [host.name, hostInterface],
    [cloudMember, cloudInterface(host)],
  ] as const;
  for (const [member, device] of ends) {
    const added = await inNamespace(id, member)('tc', ['qdisc', 'add', 'dev', device, 'root', ...queue]);
    if (added.exitCode === 0) continue;
    if (/kind is unknown/.test(added.stderr)) return false;
    throw new Error(`shaping the line of ${host.name}: ${added.stderr}`);
  }
  return true;
}

async function shapeByRelay(id: string, host: HostState, shape: LineShape): Promise<void> {
  const program = await relayProgram();
  const near = `near${host.index}`;
  const far = `far${host.index}`;
  const log = join(runFolder(id), `relay-${host.name}.log`);
  const numbers = [
    (shape.delayMs ?? 0) * 1000,
    (shape.jitterMs ?? 0) * 1000,
    (shape.lossPercent ?? 0) * 10_000,
    (shape.rateMbit ?? 0) * 1_000_000,
  ].map((number) => String(Math.round(number)));
  await writeFile(log, '');
  const pid = await startDaemon(id, cloudMember, program, [near, far, ...numbers], { logFile: log });
  await writeFile(relayFile(id, host), JSON.stringify({ pid, startTicks: (await startTicks(pid)) ?? '' }));
  await waitFor('the relay', async () => (await readFile(log, 'utf8')).includes('ready'), {
    timeoutMs: 10_000,
    intervalMs: 20,
    detail: () => readFile(log, 'utf8'),
  });
  const cloud = inNamespace(id, cloudMember);
  for (const args of [
    ['link', 'add', detour(host), 'type', 'bridge', 'forward_delay', '0'],
    ['link', 'set', near, 'master', detour(host), 'up'],
    ['link', 'set', far, 'master', bridge, 'up'],
    ['link', 'set', detour(host), 'up'],
    ['link', 'set', cloudInterface(host), 'master', detour(host)],
  ]) {
    const done = await cloud('ip', args);
    if (done.exitCode !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr}`);
  }
}

/** Compiled once per source text. */
async function relayProgram(): Promise<string> {
  const source = join(import.meta.dirname, 'line-relay.c');
  const key = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12);
  const folder = await cached(`line-relay/${key}`, silentProgress, async (staging) => {
    await ensurePackages(['gcc', 'libc6-dev'], silentProgress);
    await run('gcc', ['-O2', '-Wall', '-Wextra', '-o', join(staging, 'line-relay'), source]);
  });
  return join(folder, 'line-relay');
}

/** The small bridge between a host's cable and the relay. */
function detour(host: HostState): string {
  return `detour${host.index}`;
}

function relayFile(id: string, host: HostState): string {
  return join(runFolder(id), `relay-${host.name}.json`);
}

function inNamespace(id: string, member: string) {
  return (command: string, args: readonly string[]) =>
    runInNamespace(id, member, command, args, { allowFailure: true });
}
