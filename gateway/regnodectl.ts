#!/usr/bin/env node
// regnodectl: pools, join tokens and nodes, for operators. It talks to Kubernetes alone, with the operator's own
// kubeconfig and rights; the gateway acts on what it writes.
import { Command } from 'commander';
import { completionCommand } from '../protocol/cli/completion.ts';
import { nodeCommand } from './cli/node-commands.ts';
import { runProgram } from './cli/outcome.ts';
import { poolCommand } from './cli/pool-commands.ts';
import { tokenCommand } from './cli/token-commands.ts';
import { gatewayVersion } from './version.ts';

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

await runProgram(program, process.argv);
