// What the sandboxes of this process can say when something in them failed: who lives, and the last lines of
// each log. Who wants to be heard registers; nobody is asked while all is well.

import { setTimeout as sleep } from 'node:timers/promises';

export interface Witness {
  /** Short: it stands beside others at the end of a long log. */
  testify(): Promise<string>;
  /**
   * The lines of its log that tell of a mistake of its own process (protocol/defect-log.ts), since its start.
   */
  defects(): Promise<readonly string[]>;
}

const witnesses = new Map<string, Witness>();

/** `key` begins with the sandbox's id. */
export function hear(key: string, witness: Witness): void {
  witnesses.set(key, witness);
}

/** Of what is gone on purpose. */
export function forget(prefix: string): void {
  for (const key of witnesses.keys()) if (key.startsWith(prefix)) witnesses.delete(key);
}

/** A host that is frozen would be waited for in vain. */
export async function testimony(patienceMs = 20_000): Promise<string> {
  const said = [...witnesses].map(([key, witness]) => {
    const late = sleep(patienceMs, `${key}: not heard within ${patienceMs / 1000} s`, { ref: false });
    const heard = witness.testify().catch((error: unknown) => `${key}: not heard: ${String(error)}`);
    return Promise.race([heard, late]);
  });
  return (await Promise.all(said)).join('\n');
}

const defectMark = '"defect":"';
const toldDefects = new Set<string>();

export function defectLines(log: string): string[] {
  return log.split('\n').filter((line) => line.includes(defectMark));
}

/** What was not told before. Who can't be heard now is heard after the next test. */
export async function newDefects(patienceMs = 5000): Promise<string[]> {
  const found = [...witnesses].map(async ([key, witness]) => {
    const heard = witness.defects().catch(() => []);
    const lines = await Promise.race([heard, sleep(patienceMs, [] as readonly string[], { ref: false })]);
    return lines.map((line) => `${key}: ${line}`);
  });
  const fresh = (await Promise.all(found)).flat().filter((line) => !toldDefects.has(line));
  for (const line of fresh) toldDefects.add(line);
  return fresh;
}

/** The last lines of a log, each cut to what is read at a glance. */
export function shortened(log: string, count = 12): string {
  const lines = log.trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  ${line.length > 300 ? `${line.slice(0, 300)}…` : line}`).join('\n');
}
