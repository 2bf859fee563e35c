// A small file for the next boot below /etc/modules-load.d or /etc/sysctl.d. Pure.
import type { Resource } from '../../plan/resource.ts';

export function configurationFile(path: string, lines: readonly string[]): Resource {
  const note = '# Written by regnode; "regnode leave" takes it away.';
  return { kind: 'file', path, mode: 0o644, content: `${[note, ...lines].join('\n')}\n` };
}
