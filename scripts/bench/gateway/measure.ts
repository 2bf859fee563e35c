// The measurements of the gateway's benchmark. All divide by the CPU time of the far end's process, its
// collector's and compiler's threads included, so they hold on a busy machine too.
import type { Contender } from './contender.ts';
import type { Taken } from './far-end.ts';

export interface Carried {
  readonly perSecond: number;
  readonly perCoreSecond: number;
  /** Of the CPU time, in the kernel: reading, mostly. */
  readonly systemShare: number;
}

const warmUpNodes = 200;

/** Connects the nodes, weighs the first so many, and tells what each connection cost. */
export async function measureIdle(
  contender: Contender,
  weighed: number,
  nodes: number,
): Promise<{ bytesPerNode: number; connectsPerCoreSecond: number }> {
  // The code is compiled and the pools are filled before the empty process is weighed.
  await contender.connect(nodes, warmUpNodes);
  await contender.disconnect();
  await until(async () => (await contender.state()).connected === 0);
  await contender.weigh();
  const before = await contender.state();
  await contender.connect(0, weighed);
  const after = await contender.state();
  const bytesPerNode = await contender.weighedPerNode(weighed);
  await contender.connect(weighed, nodes - weighed);
  await contender.weigh();
  return { bytesPerNode, connectsPerCoreSecond: weighed / (after.cpuSeconds - before.cpuSeconds) };
}

/** Heartbeats that were taken, or samples, not what was sent. */
export async function measureSending(
  contender: Contender,
  what: 'heartbeats' | 'samples',
  nodes: number,
  perSecond: number,
  seconds: number,
): Promise<Carried> {
  const before = await contender.taken();
  const startedMs = performance.now();
  await contender.send(what, nodes, perSecond, seconds);
  return carried(what, before, await contender.taken(), performance.now() - startedMs);
}

/**
 * Heartbeats of a gateway that has more to do than it can: it stands still until one of each node lies in
 * its socket, then takes them. So many sockets are ready at a time and none holds two, whatever the
 * machine and the generators can do.
 */
export async function measureWaves(contender: Contender, nodes: number, waves: number): Promise<Carried> {
  const before = await contender.taken();
  let busyMs = 0;
  for (let wave = 1; wave <= waves; wave += 1) {
    const due = before.heartbeats + wave * nodes;
    await contender.wave(nodes);
    const startedMs = performance.now();
    await until(async () => (await contender.taken()).heartbeats >= due, 20);
    busyMs += performance.now() - startedMs;
  }
  return carried('heartbeats', before, await contender.taken(), busyMs);
}

function carried(what: 'heartbeats' | 'samples', before: Taken, after: Taken, milliseconds: number): Carried {
  const taken = after[what] - before[what];
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    perSecond: taken / (milliseconds / 1000),
    perCoreSecond: taken / cpuSeconds,
    systemShare: (after.systemSeconds - before.systemSeconds) / cpuSeconds,
  };
}

/** Connections are cut; the agents come back by themselves and go on with their sessions. */
export async function measureReconnects(contender: Contender, nodes: number): Promise<number> {
  const before = await contender.state();
  await contender.cut(nodes);
  await until(async () => {
    const { accepted, connected } = await contender.state();
    return accepted >= before.accepted + nodes && connected >= before.connected;
  });
  const after = await contender.state();
  return (after.accepted - before.accepted) / (after.cpuSeconds - before.cpuSeconds);
}

async function until(condition: () => Promise<boolean>, pauseMs = 250): Promise<void> {
  const deadlineMs = performance.now() + 180_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error('the nodes did not come or go within three minutes');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
