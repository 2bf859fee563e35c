// The commands that a bug report asks, and the one table that lets them through:
// what isn't here can't be run.
import { doctorCommands } from '../doctor/diagnose.ts';
import type { ReadingCommands } from '../preflight/observed-host.ts';

const lines = 3000;
const since = '--since=-24h';

export const services = ['regnode.service', 'kubelet.service', 'containerd.service'] as const;
export const serviceFields =
  'Id,LoadState,ActiveState,SubState,Result,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp,FragmentPath,DropInPaths';

export const journalOf = (unit: string) => [
  '--no-pager',
  '--output=short-iso',
  `--lines=${lines}`,
  since,
  `--unit=${unit}.service`,
];
export const kernelJournal = [
  '--no-pager',
  '--output=short-iso',
  `--lines=${lines}`,
  since,
  '--dmesg',
  '--priority=warning',
];
/** What earlier reports, and this one, said of themselves. */
export const ownJournal = [
  '--no-pager',
  '--output=short-iso',
  `--lines=${lines}`,
  since,
  '--identifier=regnode-bugreport',
];
export const routesArguments = ['-o', 'route', 'show', 'table', 'main'];

const exactly = (...choices: readonly (readonly string[])[]) => {
  const words = choices.map((args) => args.join(' ').replaceAll(/[.+*]/g, '\\$&'));
  return `(?:${words.join('|')})`;
};
const also = (command: string, pattern: string) =>
  new RegExp(`${doctorCommands[command]?.source ?? '(?!)'}|^${pattern}$`);

export const bugreportCommands: ReadingCommands = {
  ...doctorCommands,
  journalctl: also(
    'journalctl',
    exactly(...services.map((unit) => journalOf(unit.replace('.service', ''))), kernelJournal, ownJournal),
  ),
  ip: also('ip', exactly(routesArguments)),
};
