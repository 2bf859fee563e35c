// regnodectl node retry: versions that failed on a node are tried again.
import { Command } from 'commander';
import { update } from '../kubernetes/kubernetes.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { connect, forEachOf, nameOf, selectNodes, sharedFlags, tellWould } from './context.ts';
import { tellDone } from './outcome.ts';
import { printJson } from './output.ts';

export function retryCommand(): Command {
  return new Command('retry')
    .description('try versions again that failed on a node and were taken back')
    .argument('[names...]')
    .option('--pool <pool>', 'all nodes of a pool')
    .option('--dry-run', 'print which nodes would try again')
    .action(async (names: readonly string[], flags: { pool?: string; dryRun?: true }, command: Command) => {
      const { kubernetes } = await connect(command);
      const selected = (await selectNodes(kubernetes, names, flags.pool)).filter(
        ({ status }) =>
          flags.pool === undefined || status?.upgrades?.some(({ state }) => state === 'rolled-back'),
      );
      const upgradeAttempt = new Date().toISOString();
      if (flags.dryRun) tellWould(selected, { en: 'would try again', zh: '将重试' });
      else {
        await forEachOf(selected, 16, async ({ metadata: { name } }) => {
          await update(kubernetes, registeredNodes, { name }, (node) => {
            return { ...node, spec: { ...node.spec, upgradeAttempt } };
          });
          tellDone({ en: `${name} tries again`, zh: `${name} 将重试` });
        });
      }
      if (sharedFlags(command).json)
        printJson({ nodes: selected.map(nameOf), dryRun: flags.dryRun ?? false });
    });
}
