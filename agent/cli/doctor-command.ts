// regnode doctor: finds the broken hop between this host and a running pod, and says why and what to do. Exit
// code 5 when a hop is broken.
import { Command } from 'commander';
import { diagnose } from '../doctor/diagnose.ts';
import { renderDoctor } from '../doctor/report.ts';
import { words } from '../doctor/words.ts';
import { say } from '../preflight/messages/index.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';

export function doctorCommand(context: CliContext, exit: (code: number) => void): Command {
  return new Command('doctor')
    .description('find the first broken hop from this host to its pods; changes nothing')
    .option('--no-record', 'do not write down what works, for a later comparison')
    .option('--json', 'as JSON')
    .action(async ({ record }: { record: boolean }, command: Command) => {
      const terminal = terminalFor(context, command);
      const { host, signal } = context;
      requireRoot(host);
      const { report, remember } = await diagnose(host, terminal.language, signal);
      signal.throwIfAborted();
      terminal.result(`${renderDoctor(report, { color: terminal.colorsResult })}\n`);
      terminal.resultJson(report);
      if (report.verdict === 'unwell') exit(5);
      if (!record) return;
      await remember().catch((error: unknown) => {
        const detail = error instanceof Error ? error.message : String(error);
        terminal.progress('skip', say(words.notRemembered, terminal.language, { detail }));
      });
    });
}
