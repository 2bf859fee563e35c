// How long a join takes, from the pasted command to a Ready node, beside its floor: the same bytes copied,
// verified and unpacked with coreutils, containerd and kubelet started by hand with the same configuration
// (join/floor.sh). `npm run bench:join -- --json`
//
//   --rounds N    a join and a floor each, on fresh hosts, the first of them in turns; default 5
//
// Goals: join_vs_floor ≤ 1.15, and join_s ≤ 20 with the artifacts at the gateway. A join
// that isn't counted comes first.
import { parseArgs } from 'node:util';
import { runProgram } from '../machine/program.ts';
import { createProgress } from '../machine/progress.ts';
import type { SandboxHost } from '../sandbox/host.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  regnodectl,
  startGatewayWithPool,
} from '../sandbox/registration.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { takeDownOwn } from '../sandbox/take-down-own.ts';
import { type Figures, medianOf, printResult } from './figures.ts';
import { type FloorKit, makeFloorKit, prepareFloor, runFloor, storeBytes } from './join/floor.ts';
import { ReadyWatch } from './join/ready-watch.ts';

const readyTimeoutMs = 180_000;
const progress = createProgress();
/** One figure of each round. */
type Rounds = Map<string, number[]>;

await runProgram({ name: 'bench:join', onInterrupt: takeDownOwn }, main);

async function main(): Promise<number> {
  const { values: flags } = parseArgs({
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
  });
  const rounds = Number(flags.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${flags.rounds}: a number is needed`);
  const sandbox = await startSandbox({ name: 'bench-join', progress });
  try {
    await startGatewayWithPool(sandbox, progress);
    report(await measure(sandbox, rounds), await storeBytes(sandbox), flags.json);
    return 0;
  } finally {
    await sandbox.stop();
  }
}

async function measure(sandbox: Sandbox, rounds: number): Promise<Rounds> {
  const measured: Rounds = new Map();
  const note = (name: string, ms: number) => measured.set(name, [...(measured.get(name) ?? []), ms / 1000]);
  const watch = new ReadyWatch(sandbox);
  try {
    const kit = await warmUp(sandbox, watch);
    for (let round = 1; round <= rounds; round++) {
      const both = [
        () => measureJoin(sandbox, watch, `join-${round}`, note),
        () => measureFloor(sandbox, watch, `floor-${round}`, kit, note),
      ];
      for (const one of round % 2 === 1 ? both : both.toReversed()) await one();
      const last = (name: string) => measured.get(name)?.at(-1)?.toFixed(1);
      progress.line(`round ${round} of ${rounds}: join ${last('join')} s, floor ${last('floor')} s`);
    }
  } finally {
    await watch.stop();
  }
  return measured;
}

/** A join that fills the caches, and from which the floor has its configuration. */
async function warmUp(sandbox: Sandbox, watch: ReadyWatch): Promise<FloorKit> {
  const host = await sandbox.addHost({ name: 'warm-up' });
  await joinOnce(sandbox, watch, host, () => undefined);
  const kit = await makeFloorKit(sandbox, host);
  await forget(sandbox, host);
  return kit;
}

async function measureJoin(sandbox: Sandbox, watch: ReadyWatch, name: string, note: Note): Promise<void> {
  const host = await sandbox.addHost({ name });
  await joinOnce(sandbox, watch, host, note);
  await forget(sandbox, host);
}

type Note = (name: string, ms: number) => void;

async function joinOnce(sandbox: Sandbox, watch: ReadyWatch, host: SandboxHost, note: Note): Promise<void> {
  const command = `${await createJoinCommand(sandbox)} --json`;
  const began = startClock();
  const joined = await pasteJoinCommand(host, command);
  const totalMs = performance.now() - began.nowMs;
  if (joined.exitCode !== 0) throw new Error(joined.stderr + joined.stdout);
  const { phases } = JSON.parse(joined.stdout) as { phases: { name: string; elapsedMs: number }[] };
  note('join', totalMs);
  note('join_node_ready', (await watch.readyAt(host.name, readyTimeoutMs)) - began.nowMs);
  note('join_kubelet_started', await kubeletStartedMs(host, began));
  for (const { name, elapsedMs } of phases) note(`join_phase_${name}`, elapsedMs);
  // Everything before and after: the command's own downloads, install.sh, the start and end of the program.
  note('join_phase_installer', totalMs - phases.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0));
}

async function measureFloor(
  sandbox: Sandbox,
  watch: ReadyWatch,
  name: string,
  kit: FloorKit,
  note: Note,
): Promise<void> {
  const host = await sandbox.addHost({ name });
  await prepareFloor(sandbox, host, kit);
  const began = startClock();
  const marks = await runFloor(host);
  const scriptMs = performance.now() - began.nowMs;
  const readyMs = (await watch.readyAt(name, readyTimeoutMs)) - began.nowMs;
  note('floor', Math.max(scriptMs, readyMs));
  note('floor_kubelet_started', await kubeletStartedMs(host, began));
  for (const [mark, ms] of marks) if (mark !== 'begin') note(`floor_until_${mark}`, ms);
  await forget(sandbox, host);
}

interface Clock {
  readonly nowMs: number;
  /** As systemd counts it. */
  readonly monotonicMs: number;
}

function startClock(): Clock {
  return { nowMs: performance.now(), monotonicMs: Number(process.hrtime.bigint()) / 1e6 };
}

async function kubeletStartedMs(host: SandboxHost, began: Clock): Promise<number> {
  const property = '--property=ExecMainStartTimestampMonotonic';
  const shown = await host.run('systemctl', ['show', 'kubelet.service', property, '--value']);
  return Number(shown.stdout) / 1000 - began.monotonicMs;
}

/** So that the next one finds the machine and the cluster as this one did. */
async function forget(sandbox: Sandbox, host: SandboxHost): Promise<void> {
  await host.remove();
  const isRegistered = (await regnodectl(sandbox, ['node', 'list', '--json'])).includes(`"${host.name}"`);
  if (isRegistered) await regnodectl(sandbox, ['node', 'remove', host.name, '--force']);
  await kubectl(sandbox, ['delete', 'node', host.name, '--ignore-not-found']);
}

function report(measured: Rounds, bytes: number, isJson: boolean): void {
  const figures: Figures = { artifacts_mib: bytes / 1024 / 1024, rounds: measured.get('join')?.length ?? 0 };
  for (const [name, seconds] of measured) figures[`${name}_s`] = medianOf(seconds);
  for (const name of ['join', 'floor']) {
    const seconds = measured.get(name) ?? [];
    figures[`${name}_least_s`] = Math.min(...seconds);
    figures[`${name}_most_s`] = Math.max(...seconds);
  }
  const ratio = (one = Number.NaN, other = Number.NaN) => one / other;
  const ratios = { join_vs_floor: ratio(figures.join_s, figures.floor_s) };
  printResult('join', ratios, figures, isJson);
}
