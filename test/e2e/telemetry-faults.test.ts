// Every fault that a host's telemetry may meet, on a real host with the real gateway: after each the
// numbers of what was produced, delivered and lost agree exactly, each loss with its reason, and nothing
// was delivered twice. Values are measured once a second here instead of every ten: a minute of a cut
// line is as many rounds as ten.
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LatestEpoch } from '../../gateway/telemetry/intake.ts';
import { unpackPackages } from '../../scripts/machine/apt.ts';
import { cached } from '../../scripts/machine/cache.ts';
import { run } from '../../scripts/machine/command.ts';
import { silentProgress } from '../../scripts/machine/progress.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import { createJoinCommand, pasteJoinCommand } from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { spoolFolder, TelemetryAccount } from './telemetry-account.ts';

const patience = { timeoutMs: 120_000, intervalMs: 200 };
const dayMs = 24 * 3600_000;
/** Its exit code when it has mended something. */
const e2fsckCorrected = 1;
const shiftFile = '/opt/clock-shift';

let sandbox: Sandbox;
let host: SandboxHost;
let account: TelemetryAccount;
/** Records of one round. */
let round: number;
let loop: string | undefined;
/** What each epoch had lost for want of room before the line was cut last. */
let lostBefore: ReadonlyMap<number, LatestEpoch['lost']>;

beforeAll(async () => {
  const pool = ['--metrics-interval', '1s', '--heartbeat-interval', '1s'];
  sandbox = await startReadySandbox({ name: 'e2e-telemetry-faults', pool });
  host = await sandbox.addHost({ name: 'idc-1' });
  // A ring of half a minute, so that the disk is needed; and no floor of free space, so that a
  // small disk is used to its end. The library shifts the wall clock of this one process, later
  // on: the machine has but one.
  await host.copyIn(await clockShifter(), '/opt/clock-shifter.so');
  const environment = {
    REGNODE_RING_BYTES: '65536',
    REGNODE_SPOOL_FREE_FLOOR_BYTES: '0',
    LD_PRELOAD: '/opt/clock-shifter.so',
    FAKETIME_TIMESTAMP_FILE: shiftFile,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  await host.run('sh', ['-c', 'mkdir -p /etc/regnode && cat > /etc/regnode/environment'], {
    input: lines.join(''),
  });
  await host.run('sh', ['-c', `printf +0 > ${shiftFile}`]);
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  account = new TelemetryAccount(sandbox, host);
  const first = await account.settled();
  expect(first.lost).toEqual({});
  round = await recordsPerRound();
});
afterAll(async () => {
  await sandbox?.stop();
  if (loop !== undefined) await run('losetup', ['-d', loop], { allowFailure: true });
});

let isBroken = false;
afterEach(({ task }) => {
  isBroken = task.result?.state === 'fail';
});
/** What a test left that broke off in its middle is no reason for the next one to fail. */
beforeEach(async () => {
  if (!isBroken) return;
  const { cloud } = sandbox;
  if (!(await cloud.gatewayIsRunning())) {
    await cloud.killGateway().catch(() => undefined); // one that was frozen; one that is gone can't be killed
    await cloud.startGateway();
  }
  await host.restoreLink();
  await host.initPid().catch(() => host.powerOn());
  const script = [
    `printf +0 > ${shiftFile}`,
    `rm -f ${spoolFolder}/filler`,
    'systemctl unmask --runtime regnode; systemctl start regnode',
  ].join('\n');
  const restored = await host.run('sh', ['-c', script]);
  expect(restored, restored.stderr).toMatchObject({ exitCode: 0 });
  const mounted = await host.run('findmnt', ['--noheadings', '--output=OPTIONS', spoolFolder]);
  if (/^ro\b/.test(mounted.stdout)) await repairDisk();
  // This gateway need not have seen all of this agent's life: the next accounts begin with a new one.
  await account.agentEnds();
  await host.run('systemctl', ['restart', 'regnode']);
});

async function recordsPerRound(): Promise<number> {
  const heartbeat = async () => (await account.gateway()).heartbeat;
  const first = await waitFor('a heartbeat', async () => (await heartbeat()) ?? undefined, patience);
  const later = await waitFor(
    'a heartbeat of five seconds later',
    async () => {
      const now = await heartbeat();
      return now !== null && now.sentAtMs > first.sentAtMs + 5000 ? now : undefined;
    },
    patience,
  );
  return Math.floor((later.ring.produced - first.ring.produced) / ((later.sentAtMs - first.sentAtMs) / 1000));
}

/** Every epoch's account adds up, and nothing is unexplained. */
function expectExact(epochs: readonly LatestEpoch[]): void {
  for (const one of epochs) {
    const lost = Object.values(one.lost).reduce((sum, count) => sum + count, 0);
    expect(one.next - one.from, JSON.stringify(one)).toBe(one.taken + lost + one.elsewhere);
    expect(one.unexplained, JSON.stringify(one)).toBe(0);
  }
}

/** The gateway knows of each, and why: the ring was full, or the disk gave up its oldest for newer ones. */
function expectLostForRoom({ agent, lost }: { agent: { lost: number }; lost: Record<string, number> }): void {
  const { ringFull = 0, spoolCap = 0, ...others } = lost;
  expect(others).toEqual({});
  expect(agent.lost).toBeGreaterThan(0);
  expect(ringFull + spoolCap).toBe(agent.lost);
}

/** Waits until the agent has made so many rounds more than now. */
async function makeRounds(count: number): Promise<void> {
  const { produced } = await account.agent();
  await account.agentWhen(`${count} rounds`, (now) => now.produced >= produced + count * round);
}

/** And the agent has noticed: nothing of it lies in a socket any more that would arrive after its end. */
async function cut(): Promise<void> {
  lostBefore = new Map((await account.gateway()).epochs.map(({ epoch, lost }) => [epoch, lost]));
  await host.cutLink();
  await account.agentWhen('the tunnel to be lost', ({ tunnel }) => tunnel !== 'Open');
}

/** The same while the line is cut and all that is made goes to the disk, which can be asked at any time. */
async function storeRounds(count: number): Promise<void> {
  const stored = async () => sumOf((await account.onDisk()).next);
  const before = await stored();
  const enough = async () => (await stored()) >= before + count * round;
  await waitFor(`${count} rounds on the disk`, enough, { timeoutMs: 240_000, intervalMs: 1000 });
}

const sumOf = (sequences: ReadonlyMap<number, number>) => [...sequences.values()].reduce((a, b) => a + b, 0);

test('the line cut for as many rounds as ten minutes have: nothing is lost, nothing comes twice', async () => {
  const before = await account.settled();
  await host.cutLink();
  const wanted = before.agent.produced + 60 * round;
  await account.agentWhen('sixty rounds', ({ produced }) => produced >= wanted);
  await host.restoreLink();
  const after = await account.settled();
  expect(after.agent.produced - before.agent.produced).toBeGreaterThanOrEqual(60 * round);
  expect(after.agent.lost).toBe(0);
  expect(after.lost).toEqual({});
  expectExact(after.epochs);
});

test('the gateway killed before it has acknowledged what it got: the next one gets all from there on', async () => {
  await account.settled();
  await sandbox.cloud.freezeGateway();
  // It has these in its socket, and says nothing any more.
  await makeRounds(3);
  await sandbox.cloud.killGateway();
  const { acknowledged, pending, produced, lost } = await account.agentWhen(
    'the gateway to be missed',
    ({ tunnel }) => tunnel !== 'Open',
  );
  expect(acknowledged + pending + lost).toBe(produced);
  expect(pending).toBeGreaterThan(0);
  const old = new Set<number>();
  await sandbox.cloud.startGateway();
  const after = await waitFor(
    'everything that was pending',
    async () => {
      const { heartbeat, epochs } = await account.gateway();
      for (const { epoch } of epochs) old.add(epoch);
      return heartbeat !== null && heartbeat.ring.pending === 0 && heartbeat.ring.acknowledged >= produced
        ? { heartbeat, epochs }
        : undefined;
    },
    patience,
  );
  expect(after.heartbeat.ring.lost).toBe(0);
  expectExact(after.epochs);
  const taken = after.epochs.reduce((all, one) => all + one.taken, 0);
  expect(taken, 'what was pending, and what came since').toBeGreaterThanOrEqual(pending);
  const firsts = after.epochs.map(({ from }) => from);
  expect(Math.min(...firsts), 'no hole after what was acknowledged').toBeLessThanOrEqual(acknowledged);
  // This gateway has seen only a part of this agent's life: the next accounts begin with a new one.
  await account.agentEnds();
  await host.run('systemctl', ['restart', 'regnode']);
  await account.settled();
});

test('the agent killed while the line is cut: what it had written 50 ms before arrives, to the last record', async () => {
  await cut();
  await storeRounds(8);
  await killAgent();
  await host.restoreLink();
  await arrivedFromDisk();
});

test('a reboot with a backlog: the old epoch arrives beside the new one', async () => {
  await cut();
  await storeRounds(8);
  await account.agentEnds();
  await host.powerOff();
  const { next } = await whileOff();
  await host.powerOn();
  await host.restoreLink();
  await waitFor(
    'the agent',
    async () => (await host.run('systemctl', ['is-active', 'regnode'])).stdout.trim() === 'active',
    patience,
  );
  await arrivedFromDisk(next);
});

test('the clock jumps by a day, both ways: every record is delivered once, under the time that the clock said', async () => {
  for (const [shift, shiftMs] of [
    ['+1d', dayMs],
    ['-1d', -dayMs],
    ['+0', 0],
  ] as const) {
    await host.run('sh', ['-c', `printf %s ${shift} > ${shiftFile}`]);
    await waitFor(
      `the agent's clock to be at ${shift}`,
      async () => {
        const { heartbeat, heartbeatAgeMs } = await account.gateway();
        if (heartbeat === null || heartbeatAgeMs === null) return undefined;
        return Math.abs(heartbeat.sentAtMs + heartbeatAgeMs - shiftMs - Date.now()) < 60_000;
      },
      patience,
    );
    const after = await account.settled();
    expect(after.agent.lost).toBe(0);
    expectExact(after.epochs);
  }
});

test('the disk full while the line is cut: the ring’s own losses, each counted; afterwards the disk is used again', async () => {
  await useSmallDisk();
  const before = await account.settled();
  await host.run('sh', ['-c', `cat /dev/zero > ${spoolFolder}/filler 2>/dev/null; sync`]);
  await host.cutLink();
  const during = await account.agentWhen('the ring to be full', ({ lost }) => lost > 3 * round);
  expect(during.produced).toBe(during.acknowledged + during.pending + during.lost);
  await host.run('rm', [`${spoolFolder}/filler`]);
  await host.restoreLink();
  const after = await account.settled();
  expect(after.agent.lost - before.agent.lost).toBeGreaterThanOrEqual(during.lost);
  expectLostForRoom(after);
  expectExact(after.epochs);
});

test('the disk read-only while the line is cut: the same, and it is used again when it has been repaired', async () => {
  const before = await account.settled();
  await turnReadOnly();
  await host.cutLink();
  await account.agentWhen('the ring to be full', ({ lost }) => lost > before.agent.lost + 3 * round);
  await repairDisk();
  const { lost } = await account.agentWhen('what the disk keeps again', () => true);
  await storeRounds(5);
  await host.restoreLink();
  const after = await account.settled();
  expect(after.agent.lost).toBeGreaterThanOrEqual(lost);
  // The disk lets go of nothing while it is read-only: what was lost then is the ring's.
  expect(after.lost.ringFull ?? 0).toBeGreaterThan((before.lost.ringFull ?? 0) + 3 * round);
  expectLostForRoom(after);
  expectExact(after.epochs);
});

test('a byte of the spool turned over: all before it arrives, and the agent starts as if nothing were', async () => {
  await cut();
  await storeRounds(8);
  await killAgent();
  const whole = await account.onDisk();
  const flip = [
    `f=$(ls -S ${spoolFolder}/*.segment | head -1)`,
    's=$(stat -c %s $f)',
    // Behind the descriptions that a segment begins with: the first half of so short a one.
    'at=$((s * 7 / 10 + $(od -An -N2 -tu2 /dev/urandom) * (s / 4) / 65536))',
    'b=$(od -An -j$at -N1 -tu1 $f)',
    'printf "\\\\$(printf %03o $((b ^ 1)))" | dd of=$f bs=1 seek=$at conv=notrunc status=none',
  ].join('; ');
  const flipped = await host.run('sh', ['-c', flip]);
  expect(flipped, flipped.stderr).toMatchObject({ exitCode: 0 });
  const { next, damaged } = await account.onDisk();
  expect(damaged).toBe(1);
  expect(sumOf(next)).toBeLessThan(sumOf(whole.next));
  await host.restoreLink();
  await arrivedFromDisk(next);
});

test('the machine’s power cut: what was synced arrives, and at most the last second is missing', async () => {
  await cut();
  await storeRounds(8);
  await account.agentEnds();
  const [epoch, certain] = await lastOf(await account.onDisk());
  await waitFor(
    'two more seconds',
    async () => (await lastOf(await account.onDisk()))[1] > certain + round,
    patience,
  );
  // What ext4 has not been told to sync is not in the loop device's file: this copy is
  // the disk as the cut leaves it.
  await host.freeze('regnode');
  const image = spoolImage();
  await copyFile(image, `${image}.cut`);
  await killAgent();
  expect(await unmountDisk()).toBe(true);
  await rename(`${image}.cut`, image);
  await mountDisk();
  const { next } = await account.onDisk();
  expect(next.get(epoch), 'what had been on the disk for a second was synced').toBeGreaterThanOrEqual(
    certain,
  );
  await host.restoreLink();
  await arrivedFromDisk(next);
});

/** Started again, the agent delivers exactly what was on the disk. */
async function arrivedFromDisk(expected?: ReadonlyMap<number, number>): Promise<void> {
  const next = expected ?? (await account.onDisk()).next;
  await host.run('systemctl', ['start', 'regnode']);
  const after = await account.settled();
  expectExact(after.epochs);
  expect(next.size).toBeGreaterThan(0);
  for (const [epoch, sequence] of next) {
    const one = after.epochs.find((other) => other.epoch === epoch);
    expect(one?.next, `epoch ${epoch}`).toBe(sequence);
    // Nothing since: a gateway that still has its account of this epoch still knows
    // what had been lost before.
    expect([{}, lostBefore.get(epoch) ?? {}], `epoch ${epoch}`).toContainEqual(one?.lost);
  }
}

/** It is not started again by systemd until we say so. */
async function killAgent(): Promise<void> {
  await account.agentEnds();
  const killed =
    'systemctl mask --runtime regnode 2>/dev/null; systemctl kill --signal=SIGKILL regnode; systemctl stop regnode; systemctl unmask --runtime regnode';
  await host.run('sh', ['-c', killed]);
}

/** The folder of a host that is off, as the machine sees it. */
async function whileOff() {
  const { openSpoolDisk } = await import('../../agent/host/spool-disk.ts');
  const { recoverSpool } = await import('../../agent/telemetry/spool/recovery.ts');
  const { segments } = await recoverSpool(openSpoolDisk(host.path(spoolFolder)));
  const next = new Map<number, number>();
  for (const { epoch, nextSequence } of segments)
    next.set(epoch, Math.max(next.get(epoch) ?? 0, nextSequence));
  return { next };
}

async function lastOf({ next }: { next: ReadonlyMap<number, number> }): Promise<[number, number]> {
  const newest = Math.max(...next.keys());
  return [newest, next.get(newest) ?? 0];
}

function spoolImage(): string {
  return join(sandbox.dataFolder, 'spool.img');
}

/** From now on the spool is a file system of 16 MiB of its own, over a loop device. */
async function useSmallDisk(): Promise<void> {
  await account.agentEnds();
  await host.run('systemctl', ['stop', 'regnode']);
  await rm(spoolImage(), { force: true });
  await run('sh', ['-c', `truncate -s 16M ${spoolImage()} && mkfs.ext4 -q -F -m 0 ${spoolImage()}`]);
  await mountDisk();
  await host.run('systemctl', ['start', 'regnode']);
}

/** As ext4 does it by itself after an error, whatever is open. */
async function turnReadOnly(): Promise<void> {
  // Or what filled the disk before, and was removed a moment ago, is there again after the repair.
  const synced = await host.run('sync', ['--file-system', spoolFolder]);
  expect(synced, synced.stderr).toMatchObject({ exitCode: 0 });
  await writeFile(`/sys/fs/ext4/${basename(loop ?? '')}/trigger_fs_error`, 'a test');
}

/** As an administrator does it. The agent stands still meanwhile: it would write to the folder below. */
async function repairDisk(): Promise<void> {
  const isFree = async () => {
    await host.freeze('regnode');
    if (await unmountDisk()) return true;
    await host.thaw('regnode');
    return undefined;
  };
  await waitFor('the disk to be in nobody’s use', isFree, patience);
  const checked = await run('e2fsck', ['-f', '-p', spoolImage()], { allowFailure: true });
  expect(checked.exitCode, checked.stdout).toBeLessThanOrEqual(e2fsckCorrected);
  await mountDisk();
  await host.thaw('regnode');
}

/** False while somebody has a file of it open. */
async function unmountDisk(): Promise<boolean> {
  if ((await host.run('umount', [spoolFolder])).exitCode !== 0) return false;
  await run('losetup', ['-d', loop ?? '']);
  loop = undefined;
  return true;
}

async function mountDisk(): Promise<void> {
  loop = (await run('losetup', ['--find', '--show', spoolImage()])).stdout.trim();
  const minor = /(\d+)$/.exec(loop)?.[1];
  const script = `rm -f /dev/spool; mknod -m 600 /dev/spool b 7 ${minor} && mkdir -p ${spoolFolder} && mount -t ext4 -o errors=remount-ro /dev/spool ${spoolFolder}`;
  const done = await host.run('sh', ['-c', script]);
  expect(done, done.stderr).toMatchObject({ exitCode: 0 });
}

async function clockShifter(): Promise<string> {
  const root = await cached('debian-faketime/1', silentProgress, (staging) =>
    unpackPackages(['libfaketime'], staging, silentProgress),
  );
  return join(root, 'usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1');
}
