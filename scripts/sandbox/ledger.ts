// Where the time and the processors' time of a process with sandboxes go: how long something was started,
// joined or waited for, and what its sandboxes used. What happens side by side counts once, and a wait inside
// of a start is the start's. The suite prints one row per test file; nothing decides on what stands here.
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { cgroupCpuSeconds } from './cgroups.ts';

export const activities = ['cluster', 'gateway', 'hosts', 'join', 'waits'] as const;
export type Activity = (typeof activities)[number];

interface Span {
  readonly beganMs: number;
  readonly endedMs: number;
}

export interface Spending {
  readonly wallMs: number;
  readonly activitiesMs: Readonly<Record<Activity, number>>;
  /** Of clouds and hosts. */
  readonly sandboxCpuSeconds: number;
  /**
   * Of this process and the commands that it ran. What ran in a host by our command, and a daemon
   * that has ended, is in both.
   */
  readonly ownCpuSeconds: number;
}

const within = new AsyncLocalStorage<Activity>();
const spans: Record<Activity, Span[]> = { cluster: [], gateway: [], hosts: [], join: [], waits: [] };
let stoppedCpuSeconds = 0;
let inheritedCpuSeconds = 0;
const living = new Set<string>();

/** Runs `action`, and counts how long it takes unless it is part of another activity. */
export async function spend<T>(activity: Activity, action: () => Promise<T>): Promise<T> {
  if (within.getStore() !== undefined) return action();
  const beganMs = performance.now();
  try {
    return await within.run(activity, action);
  } finally {
    spans[activity].push({ beganMs, endedMs: performance.now() });
  }
}

/** The use of this sandbox is counted from now on. */
export function account(id: string): void {
  living.add(id);
}

/**
 * Around the taking down: its cgroups go with it, and its daemons' time becomes that of
 * their parent, which we are.
 */
export async function closeAccount(id: string, takeDown: () => Promise<void>): Promise<void> {
  if (!living.delete(id)) return takeDown();
  stoppedCpuSeconds += await cgroupCpuSeconds(id);
  const before = await ownCpuSeconds();
  await takeDown();
  inheritedCpuSeconds += (await ownCpuSeconds()) - before;
}

export async function spending(): Promise<Spending> {
  const open = await Promise.all([...living].map(cgroupCpuSeconds));
  return {
    wallMs: performance.now(),
    activitiesMs: Object.fromEntries(
      activities.map((activity) => [activity, covered(spans[activity])]),
    ) as Record<Activity, number>,
    sandboxCpuSeconds: open.reduce((sum, seconds) => sum + seconds, stoppedCpuSeconds),
    ownCpuSeconds: (await ownCpuSeconds()) - inheritedCpuSeconds,
  };
}

/** How much time the spans cover, which may overlap. */
export function covered(of: readonly Span[]): number {
  let total = 0;
  let until = -Infinity;
  for (const { beganMs, endedMs } of [...of].sort((a, b) => a.beganMs - b.beganMs)) {
    if (endedMs <= until) continue;
    total += endedMs - Math.max(beganMs, until);
    until = endedMs;
  }
  return total;
}

/** With its children that have been waited for, in ticks of 10 ms. */
async function ownCpuSeconds(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8');
  // The command name may hold spaces and brackets; the fields begin after the last bracket, with the state.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}
