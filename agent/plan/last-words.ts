// What a unit said last, as the reason of a fault. Faults stand in /run/regnode/status.json,
// which every user of the host reads, and in the gateway; the journal is read by few. So whatever
// looks like a secret stays there.
import type { Host } from '../host/host.ts';
import { withoutSecrets } from '../secrets/secrets.ts';

export interface Words {
  readonly lines: number;
  /** The end of them. */
  readonly mostLetters: number;
}

/** Empty when the journal says nothing. */
export async function lastWords(host: Host, unit: string, { lines, mostLetters }: Words): Promise<string> {
  const args = ['--unit', unit, '--lines', String(lines), '--output', 'cat', '--no-pager'];
  const { stdout } = await host.processes.run('journalctl', args);
  return inOneLine(stdout, mostLetters);
}

/** Cleaned before it is cut: half a secret is known for none. */
export function inOneLine(text: string, mostLetters: number): string {
  return withoutSecrets(text.trim()).replaceAll('\n', '; ').slice(-mostLetters);
}
