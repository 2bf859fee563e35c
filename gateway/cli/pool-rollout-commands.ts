// regnodectl pool upgrade | pause | resume. A change of versions is a rollout, which the gateway carries out;
// `upgrade --wait` only watches it.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { PoolSpec } from '../../protocol/settings/pool.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { bare } from '../pools/desired-state.ts';
import { nodePools, type PoolObject, poolSpec } from '../resources/node-pool.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { connect, sharedFlags } from './context.ts';
import { tellDone } from './outcome.ts';
import { printJson, tellProgress } from './output.ts';
import { duration } from './parse.ts';
import { namesVersions, versionPaths } from './pool-changes.ts';
import { withPoolOptions } from './pool-options.ts';
import { type ChangeFlags, changePool, tellChanged } from './pool-set-command.ts';
import { tellRollout, watchRollout } from './rollout-watch.ts';

type UpgradeFlags = ChangeFlags & { readonly wait?: true; readonly timeout: number };

export function upgradeCommand(): Command {
  const command = new Command('upgrade')
    .description('bring the nodes of a pool to other versions, some at a time; what fails is taken back')
    .argument('<name>');
  const alongside = ['upgrade.maxUnavailable', 'upgrade.healthTimeoutMs', 'upgrade.drain'];
  return withPoolOptions(command, [...versionPaths, ...alongside])
    .option('--wait', 'until all nodes are done; exit 5 when it stands still')
    .option('--timeout <duration>', 'of --wait', duration, 3600_000)
    .option('--dry-run', 'print which nodes would change')
    .action(upgrade);
}

async function upgrade(name: string, flags: UpgradeFlags, command: Command): Promise<void> {
  if (!namesVersions(flags)) throw new Fault('USAGE', { detail: 'no version is named' });
  const { kubernetes } = await connect(command);
  const { json } = sharedFlags(command);
  const { spec, changes, generation } = await changePool(kubernetes, name, flags);
  const dryRun = flags.dryRun ?? false;
  const nodes = await nodesBefore(kubernetes, name, spec);
  if (dryRun) {
    for (const { node, from, to } of nodes) if (from !== to) tellProgress(`${node}: kubelet ${from} → ${to}`);
  }
  tellChanged(name, changes, dryRun);
  if (!flags.wait || dryRun) {
    if (json) printJson({ pool: { name, spec }, nodes, changed: changes.length > 0, dryRun });
    return;
  }
  const rollout = await watchRollout(kubernetes, name, { generation, timeoutMs: flags.timeout });
  tellRollout(name, rollout);
  if (json) printJson({ pool: { name, spec }, nodes, changed: changes.length > 0, dryRun, rollout });
}

async function nodesBefore(
  kubernetes: Kubernetes,
  pool: string,
  spec: PoolSpec,
): Promise<{ node: string; from: string; to: string }[]> {
  const { items } = await kubernetes.list(registeredNodes, { labelSelector: `regnode.io/pool=${pool}` });
  return items.map(({ metadata, status }) => ({
    node: metadata.name,
    from: bare(status?.versions?.kubelet ?? '-'),
    to: bare(spec.kubernetesVersion),
  }));
}

export function pauseCommand(): Command {
  return new Command('pause')
    .description('let no further node begin its upgrade')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const pool = await writeUpgrade(kubernetes, name, () => ({ paused: true }));
      if (sharedFlags(command).json) printJson({ pool: { name, spec: pool.spec } });
      tellDone({ en: `the rollout of ${name} is paused`, zh: `${name} 的升级已暂停` });
    });
}

export function resumeCommand(): Command {
  return new Command('resume')
    .description('go on with a rollout, past the nodes that had to take a version back')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      let failures = 0;
      const pool = await writeUpgrade(kubernetes, name, ({ status }) => {
        failures = status?.rollout?.failed.length ?? 0;
        return { paused: false, toleratedFailures: failures };
      });
      if (sharedFlags(command).json) printJson({ pool: { name, spec: pool.spec } });
      tellDone({
        en: `the rollout of ${name} goes on, past ${failures} node(s)`,
        zh: `${name} 的升级继续进行，跳过 ${failures} 个节点`,
      });
    });
}

async function writeUpgrade(
  kubernetes: Kubernetes,
  name: string,
  change: (pool: PoolObject) => Partial<PoolSpec['upgrade']>,
): Promise<PoolObject> {
  const written = await update(kubernetes, nodePools, { name }, (pool) => {
    const spec = poolSpec(pool);
    return { ...pool, spec: { ...spec, upgrade: { ...spec.upgrade, ...change(pool) } } };
  });
  if (!written) throw new Fault('POOL_NOT_FOUND', { pool: name });
  return written;
}
