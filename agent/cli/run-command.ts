// regnode run: the daemon, as systemd starts it. Logs are JSON lines on stderr.
import { Command } from 'commander';
import { pino } from 'pino';
import { printableJson } from '../../protocol/printable.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { type CliContext, requireRoot } from './context.ts';

export function runCommand(context: CliContext): Command {
  return new Command('run')
    .description('run the agent until it is told to stop (systemd does that)')
    .option('--log-level <level>', 'trace, debug, info, warn, error', 'info')
    .action(async ({ logLevel }: { logLevel: string }) => {
      requireRoot(context.host);
      const hooks = { streamWrite: printableJson };
      const logger = pino({ level: logLevel, base: null, hooks }, pino.destination({ dest: 2, sync: true }));
      await runDaemon(context.host, { logger, signal: context.signal });
    });
}
