// Waits until a node is healthy and stays so for a while, or says why it isn't. Patient with a slow
// host and with a line that is cut (time in which nobody can be asked counts a third), impatient
// with what ends again and again.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Trial } from '../components/versions.ts';
import type { Host } from '../host/host.ts';
import { lastWords } from '../plan/last-words.ts';
import type { Health, HealthProbe } from './health.ts';

const pollMs = 1000;
/** All is well for so long, with the same processes. */
export const steadyMs = 10_000;
/** So many processes of one unit, one after the other, are a crash loop. */
const mostProcesses = 6;

export interface GateOptions {
  readonly probe: HealthProbe;
  readonly trial: Trial | undefined;
  readonly since: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** False as soon as nobody wants to know any more. */
  readonly isDesired: () => boolean;
  readonly onWaiting?: (missing: string) => void;
}

export type GateVerdict = 'healthy' | 'not-desired' | Fault;

export async function passGate(host: Host, options: GateOptions): Promise<GateVerdict> {
  const { probe, trial, since, timeoutMs, signal } = options;
  const seen = new Map<string, Set<string>>();
  let counted = 0;
  let steadySince: number | undefined;
  let steadyProcesses = '';
  let said = '';
  let lastMs = host.clock.monotonicMs();
  for (;;) {
    signal.throwIfAborted();
    if (!options.isDesired()) return 'not-desired';
    const health = await probe(trial, since);
    signal.throwIfAborted();
    const nowMs = host.clock.monotonicMs();
    counted += (nowMs - lastMs) / (health.isSeen ? 1 : 3);
    lastMs = nowMs;
    const missing = health.missing.join('; ');
    if (missing !== said) options.onWaiting?.(missing);
    said = missing;
    const crashing = countProcesses(seen, health);
    if (crashing !== undefined) return crashed(host, trial, crashing);
    const processes = health.processes.join();
    if (missing !== '' || processes !== steadyProcesses) steadySince = undefined;
    else if (steadySince === undefined) steadySince = nowMs;
    else if (nowMs - steadySince >= steadyMs) return 'healthy';
    steadyProcesses = processes;
    if (counted > timeoutMs) return unhealthy(trial, timeoutMs, missing || 'it does not stay so');
    await host.clock.sleep(pollMs, signal);
  }
}

function countProcesses(seen: Map<string, Set<string>>, { started }: Health): string | undefined {
  for (const process of started) {
    const [unit = ''] = process.split(' ');
    const all = seen.get(unit) ?? new Set();
    seen.set(unit, all.add(process));
    if (all.size >= mostProcesses) return unit;
  }
  return undefined;
}

async function crashed(host: Host, trial: Trial | undefined, unit: string): Promise<Fault> {
  const detail = (await lastWords(host, unit, { lines: 5, mostLetters: 400 })) || 'it said nothing';
  return new Fault('UPGRADE_CRASHED', { ...namesOf(trial), detail });
}

function unhealthy(trial: Trial | undefined, timeoutMs: number, detail: string): Fault {
  const seconds = Math.round(timeoutMs / 1000);
  return new Fault('UPGRADE_UNHEALTHY', { ...namesOf(trial), seconds, detail: detail.slice(0, 400) });
}

export function namesOf(trial: Trial | undefined): { component: string; from: string; to: string } {
  if (trial === undefined) return { component: 'node', from: '', to: '' };
  return { component: trial.component, from: trial.from.version, to: trial.to.version };
}
