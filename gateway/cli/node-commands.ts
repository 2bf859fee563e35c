// regnodectl node list | get | label | taint | cordon | uncordon; drain, remove, retry,
// readmit and expel have files of their own.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { nodes } from '../kubernetes/kinds.ts';
import { changeNode, differentSpec, type NodeChanges } from '../nodes/changes.ts';
import { readyMessage } from '../nodes/status.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { connect, forEachOf, requireNode, selectNodes, sharedFlags } from './context.ts';
import { drainCommand } from './drain-command.ts';
import { expelCommand, expelledCommand } from './expel-command.ts';
import { tellDone } from './outcome.ts';
import { age, printFields, printJson, printTable } from './output.ts';
import { parseLabels, parseTaints, separate } from './parse.ts';
import { readmitCommand } from './readmit-command.ts';
import { removeCommand } from './remove-command.ts';
import { reportedFields } from './reported-fields.ts';
import { retryCommand } from './retry-command.ts';

const parallelChanges = 16;

interface ChangeFlags {
  readonly pool?: string;
  readonly dryRun?: true;
}

export function nodeCommand(): Command {
  return new Command('node')
    .description('registered nodes')
    .addCommand(listCommand())
    .addCommand(getCommand())
    .addCommand(
      changeCommand('label', 'set or take away labels: KEY=VALUE, KEY-', (texts) => {
        return { labels: parseLabels(some(texts, 'KEY=VALUE or KEY-')) };
      }),
    )
    .addCommand(
      changeCommand('taint', 'set or take away taints: KEY[=VALUE]:EFFECT, KEY[:EFFECT]-', (texts) => {
        return { taints: parseTaints(some(texts, 'KEY[=VALUE]:EFFECT or KEY-')) };
      }),
    )
    .addCommand(changeCommand('cordon', 'no new pods on the node', none({ unschedulable: true })))
    .addCommand(changeCommand('uncordon', 'pods may come again', none({ unschedulable: false })))
    .addCommand(drainCommand())
    .addCommand(retryCommand())
    .addCommand(readmitCommand())
    .addCommand(removeCommand())
    .addCommand(expelCommand())
    .addCommand(expelledCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('all registered nodes')
    .option('--pool <pool>', 'only those of a pool')
    .action(async ({ pool }: ChangeFlags, command: Command) => {
      const { kubernetes } = await connect(command);
      const { items } = await kubernetes.list(
        registeredNodes,
        pool === undefined ? {} : { labelSelector: `regnode.io/pool=${pool}` },
      );
      if (sharedFlags(command).json) {
        printJson({ nodes: items.map(plain) });
        return;
      }
      printTable(
        ['NAME', 'POOL', 'PHASE', 'TUNNEL', 'GATEWAY', 'READY', 'ADDRESS', 'KUBELET', 'AGE'],
        items.map((node) => [
          node.metadata.name,
          node.spec.pool,
          node.metadata.deletionTimestamp ? 'Leaving' : (node.status?.phase ?? 'Joining'),
          node.status?.tunnel?.connected ? 'connected' : 'down',
          node.status?.tunnel?.gateway ?? '-',
          `${node.status?.ready ?? 'Absent'}${isCordoned(node) ? ',SchedulingDisabled' : ''}`,
          node.spec.addresses[0] ?? '-',
          node.status?.versions?.kubelet ?? '-',
          age(node.metadata.creationTimestamp),
        ]),
      );
    });
}

/** By an operator, or by a drain under way, which the Node alone knows of. */
function isCordoned({ spec, status }: RegisteredNode): boolean {
  return spec.unschedulable === true || status?.applied?.unschedulable === true;
}

function getCommand(): Command {
  return new Command('get')
    .description('one registered node with everything')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const [registered, node] = [await requireNode(kubernetes, name), await kubernetes.get(nodes, name)];
      if (sharedFlags(command).json) {
        printJson({
          node: {
            ...plain(registered),
            labels: node?.metadata.labels ?? {},
            taints: node?.spec?.taints ?? [],
            readyMessage: readyMessage(node),
          },
        });
        return;
      }
      const { spec, status = {} } = registered;
      printFields([
        ['name', name],
        ['pool', spec.pool],
        ...reportedFields(status),
        ['ready', `${status.ready ?? 'Absent'} ${readyMessage(node)}`.trim()],
        [
          'tunnel',
          status.tunnel
            ? `${status.tunnel.connected ? 'connected' : 'down'} for ${age(status.tunnel.since)}, gateway ${status.tunnel.gateway}`
            : 'never connected',
        ],
        ['scheduling', node?.spec?.unschedulable ? 'cordoned' : 'open'],
        ['addresses', spec.addresses.join(', ')],
        ...(spec.readmission
          ? [['readmission', `open until ${spec.readmission.until}`] as [string, string]]
          : []),
        ['system', `${status.facts?.os?.prettyName ?? '-'}, kernel ${status.facts?.kernelRelease ?? '-'}`],
        ['agent', status.facts?.agentVersion ?? '-'],
        ['labels', pairs(node?.metadata.labels ?? {}, '=')],
        [
          'taints',
          (node?.spec?.taints ?? [])
            .map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)
            .join(', '),
        ],
        ['certificate', `until ${status.certificateExpiresAt ?? '-'}`],
        ['joined', status.joinedAt ?? '-'],
        ...(status.conditions ?? []).map(
          ({ type, status: state, reason, message, lastTransitionTime, severity }): [string, string] => [
            type,
            // Of what ails a node people want to read what, and what to do.
            `${state} (${reason}) for ${age(lastTransitionTime)}${severity && state === 'True' ? `, ${severity}: ${message}` : ''}`,
          ],
        ),
      ]);
    });
}

function changeCommand(
  verb: string,
  description: string,
  parse: (texts: readonly string[]) => NodeChanges,
): Command {
  return new Command(verb)
    .description(description)
    .argument('[names-and-changes...]')
    .option('--pool <pool>', 'all nodes of a pool')
    .option('--dry-run', 'print what would change')
    .action(async (texts: readonly string[], { pool, dryRun }: ChangeFlags, command: Command) => {
      const { names, changes } = separate(texts);
      const desired = parse(changes);
      const { kubernetes } = await connect(command);
      const selected = await selectNodes(kubernetes, names, pool);
      const results: { name: string; changed: boolean }[] = [];
      await forEachOf(selected, parallelChanges, async (node) => {
        const { name } = node.metadata;
        const changed = dryRun
          ? differentSpec(node.spec, desired) !== undefined
          : await changeNode(kubernetes, name, desired);
        results.push({ name, changed });
      });
      results.sort((a, b) => a.name.localeCompare(b.name, 'en'));
      if (sharedFlags(command).json) printJson({ nodes: results, dryRun: dryRun ?? false });
      for (const { name, changed } of results) tellChange(name, changed, dryRun ?? false);
    });
}

function tellChange(name: string, changed: boolean, dryRun: boolean): void {
  if (!changed) tellDone({ en: `${name} is so already`, zh: `${name} 已是如此` });
  else if (dryRun) tellDone({ en: `${name} would change (--dry-run)`, zh: `${name} 将会更改（--dry-run）` });
  else tellDone({ en: `${name} changed`, zh: `${name} 已更改` });
}

function some(texts: readonly string[], form: string): readonly string[] {
  if (texts.length === 0) throw new Fault('USAGE', { detail: `nothing to change: ${form}` });
  return texts;
}

function none(changes: NodeChanges): (texts: readonly string[]) => NodeChanges {
  return (texts) => {
    if (texts[0] !== undefined) throw new Fault('USAGE', { detail: `"${texts[0]}" is no name of a node` });
    return changes;
  };
}

/** For --json: the registration without the bookkeeping of Kubernetes. */
function plain({ metadata, spec, status }: RegisteredNode): object {
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp,
    leaving: metadata.deletionTimestamp !== undefined,
    spec,
    status: status ?? {},
  };
}

const pairs = (record: Readonly<Record<string, string>>, separator: string) =>
  Object.entries(record)
    .map(([key, value]) => `${key}${separator}${value}`)
    .join(', ');
