// The commands of regnodectl. Nothing here knows what a command does.
import { Command } from 'commander';
import { completionCommand } from '../../protocol/cli/completion.ts';
import { gatewayVersion } from '../version.ts';
import { nodeCommand } from './node-commands.ts';
import { poolCommand } from './pool-commands.ts';
import { tokenCommand } from './token-commands.ts';

export function regnodectlProgram(): Command {
  const program = new Command('regnodectl')
    .description('Registered nodes: hosts of your own data centre in a Kubernetes cluster of the cloud')
    .version(gatewayVersion, '-V, --version')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, ~/.kube/config')
    .option('--json', 'print the result as JSON')
    .showHelpAfterError('(see --help)')
    .addCommand(poolCommand())
    .addCommand(tokenCommand())
    .addCommand(nodeCommand());
  program.addCommand(completionCommand(program, process.stdout));
  return program;
}
