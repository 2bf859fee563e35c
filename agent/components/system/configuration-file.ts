// A small file for the next boot below /etc/modules-load.d or /etc/sysctl.d. Pure.
import { encodable } from '../../../protocol/formats/encodable.ts';
import type { Resource } from '../../plan/resource.ts';

export function configurationFile(path: string, lines: readonly string[]): Resource {
  const entries = lines.map((line) => encodable(line, `line of ${path}`));
  const note = '# Written by regnode; "regnode leave" takes it away.';
  return { kind: 'file', path, mode: 0o644, content: `${[note, ...entries].join('\n')}\n` };
}
