// regnodectl node readmit: lets a host with another key take the name of a node that lost
// its own, once and for a while.
import { Command, Option } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { anyMachine } from '../join/readmission.ts';
import { update } from '../kubernetes/kubernetes.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { connect, requireNode, sharedFlags } from './context.ts';
import { tellDone } from './outcome.ts';
import { printJson } from './output.ts';
import { duration } from './parse.ts';

interface Flags {
  readonly ttl: number;
  readonly machineId?: string;
  readonly anyMachine?: true;
  readonly dryRun?: true;
}

const longestMs = 24 * 3600_000;

export function readmitCommand(): Command {
  return new Command('readmit')
    .description('let a host that has lost its key join again under the name of its node, once')
    .argument('<name>')
    .option('--ttl <duration>', 'how long it may (default 1h)', duration, 3600_000)
    .option('--machine-id <id>', 'of the host that may (default: the one that is registered)')
    .addOption(
      new Option('--any-machine', 'whatever machine it is: it was replaced, or installed anew').conflicts(
        'machineId',
      ),
    )
    .option('--dry-run', 'change nothing')
    .action(async (name: string, flags: Flags, command: Command) => {
      const { ttl, dryRun } = flags;
      if (ttl < 1000 || ttl > longestMs) throw new Fault('USAGE', { detail: '--ttl: 1s to 24h' });
      if (flags.machineId !== undefined && !/^[0-9a-f]{32}$/.test(flags.machineId))
        throw new Fault('USAGE', { detail: `--machine-id: "${flags.machineId}" is no machine-id` });
      const { kubernetes } = await connect(command);
      const node = await requireNode(kubernetes, name);
      if (node.metadata.deletionTimestamp) throw new Fault('NODE_LEAVING', { name });
      const machineId = flags.anyMachine ? anyMachine : flags.machineId;
      const until = new Date(Date.now() + ttl).toISOString();
      const readmission = { until, ...(machineId === undefined ? {} : { machineId }) };
      if (!dryRun) {
        const written = await update(kubernetes, registeredNodes, { name }, (current) => {
          return { ...current, spec: { ...current.spec, readmission } };
        });
        if (!written) throw new Fault('NODE_NOT_FOUND', { name });
      }
      if (sharedFlags(command).json) printJson({ node: name, readmission, dryRun: dryRun ?? false });
      tellDone(
        dryRun
          ? {
              en: `${name} would be open to a host with another key (--dry-run)`,
              zh: `将允许持有其他密钥的主机使用 ${name}（--dry-run）`,
            }
          : {
              en: `a host with another key may join as ${name} once, until ${until}; it needs a token of the pool ${node.spec.pool}`,
              zh: `在 ${until} 之前，持有其他密钥的主机可作为 ${name} 加入一次；需要节点池 ${node.spec.pool} 的令牌`,
            },
      );
    });
}
