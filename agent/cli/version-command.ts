// regnode version
import { Command } from 'commander';
import { agentVersion } from '../version.ts';
import { type CliContext, terminalFor } from './context.ts';

export function versionCommand(context: CliContext): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'as JSON')
    .action((_flags: object, command: Command) => {
      const terminal = terminalFor(context, command);
      terminal.result(`${agentVersion}\n`);
      terminal.resultJson({ version: agentVersion });
    });
}
