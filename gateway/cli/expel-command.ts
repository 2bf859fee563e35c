// regnodectl node expel | expelled: names of hosts that were removed because they mean harm. The gateway
// deletes each Node of such a name until the time is over, and no host joins under it (nodes/expelled.ts).
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { nodeNamePattern } from '../../protocol/messages/join.ts';
import { configMaps, nodes } from '../kubernetes/kinds.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { expelledConfigMap } from '../nodes/expelled.ts';
import { writeExpulsion } from '../nodes/expulsion.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { connect, sharedFlags } from './context.ts';
import { tellDone } from './outcome.ts';
import { printJson, printTable } from './output.ts';
import { moment } from './parse.ts';

interface Flags {
  readonly until?: number;
  readonly undo?: true;
  readonly dryRun?: true;
}

const dayMs = 24 * 3600_000;

export function expelCommand(): Command {
  return new Command('expel')
    .description('delete each Node of this name, and let no host join under it, until a time')
    .argument('<name>')
    .option(
      '--until <time>',
      'a time such as 2027-12-01T00:00:00Z, or from now on such as 90d: the longest life of a kubelet’s certificate (default 366d)',
      (text) => moment(text, Date.now()),
    )
    .option('--undo', 'the name is free again')
    .option('--dry-run', 'change nothing')
    .action(async (name: string, flags: Flags, command: Command) => {
      const { undo = false, dryRun = false } = flags;
      if (!nodeNamePattern.test(name)) throw new Fault('NODE_NAME_INVALID', { name: name.slice(0, 80) });
      const { kubernetes } = await connect(command);
      const until = undo ? null : new Date(flags.until ?? Date.now() + 366 * dayMs).toISOString();
      const registered = await kubernetes.get(registeredNodes, name);
      // A host that has joined is removed first: until then the entry does nothing.
      if (!undo && registered?.status?.joinedAt !== undefined)
        throw new Fault('NODE_STILL_REGISTERED', { name });
      const isThere = (await kubernetes.get(nodes, name)) !== undefined;
      if (!dryRun) await writeExpulsion(kubernetes, name, until);
      if (sharedFlags(command).json) printJson({ node: name, until, nodeObject: isThere, dryRun });
      tell(name, until, isThere, dryRun);
    });
}

export function expelledCommand(): Command {
  return new Command('expelled')
    .description('names that no host may have, and until when')
    .action(async (_flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const list = await kubernetes.get(configMaps, expelledConfigMap, gatewayNamespace);
      const expelled = Object.entries(list?.data ?? {})
        .map(([name, until]) => ({ name, until, over: Date.parse(until) <= Date.now() }))
        .sort((a, b) => a.name.localeCompare(b.name, 'en'));
      if (sharedFlags(command).json) printJson({ expelled });
      else
        printTable(
          ['NAME', 'UNTIL'],
          expelled.map(({ name, until, over }) => [name, over ? `${until} (over)` : until]),
        );
    });
}

function tell(name: string, until: string | null, isThere: boolean, dryRun: boolean): void {
  const dry = dryRun ? ' (--dry-run)' : '';
  if (until === null) {
    tellDone({ en: `${name} is free again${dry}`, zh: `${name} 可再次使用${dry}` });
    return;
  }
  const node = isThere
    ? { en: '; its Node is deleted, whoever it belongs to', zh: '；其 Node 将被删除，无论属于谁' }
    : { en: '', zh: '' };
  tellDone({
    en: `${name} is expelled until ${until}${node.en}${dry}`,
    zh: `${name} 已被驱逐至 ${until}${node.zh}${dry}`,
  });
}
