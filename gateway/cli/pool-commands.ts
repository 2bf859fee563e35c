// regnodectl pool create | list | get | delete (set: pool-set-command.ts)
import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { whatIsWrong } from '../../protocol/grammar.ts';
import { type PoolSpec, poolSpecSchema } from '../../protocol/settings/pool.ts';
import { listTokens, revokeToken } from '../join/token.ts';
import type { KubernetesObject } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { definitionName } from '../resources/definitions.ts';
import { nodePools, type PoolObject, poolSpec } from '../resources/node-pool.ts';
import { registeredNodes } from '../resources/registered-node.ts';
import { requireInstalled, requireKept } from '../setup/installed.ts';
import { connect, sharedFlags } from './context.ts';
import { tellDone } from './outcome.ts';
import { age, printFields, printJson, printTable } from './output.ts';
import { changedSpec } from './pool-changes.ts';
import { fieldsOf } from './pool-fields.ts';
import { type PoolFlags, withPoolOptions } from './pool-options.ts';
import { pauseCommand, resumeCommand, upgradeCommand } from './pool-rollout-commands.ts';
import { differences, setCommand } from './pool-set-command.ts';

type CreateFlags = PoolFlags & { readonly dryRun?: true };

export function poolCommand(): Command {
  return new Command('pool')
    .description('node pools: what the nodes of one kind are to be')
    .addCommand(createCommand())
    .addCommand(setCommand())
    .addCommand(upgradeCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(listCommand())
    .addCommand(getCommand())
    .addCommand(deleteCommand());
}

function createCommand(): Command {
  return withPoolOptions(
    new Command('create').description('make a node pool; the same again changes nothing').argument('<name>'),
  )
    .option('--dry-run', 'print what would be made')
    .action(create);
}

async function create(name: string, flags: CreateFlags, command: Command): Promise<void> {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Fault('USAGE', {
      detail: `"${name}" is no name of a pool: lower-case letters, digits and "-"`,
    });
  }
  const { kubernetes } = await connect(command);
  const definition = definitionName(nodePools);
  await requireInstalled(kubernetes, 'unknown', [definition]);
  const spec = await specOf(kubernetes, flags);
  const pool: PoolObject = { metadata: { name }, spec };
  const existing = await kubernetes.get(nodePools, name);
  if (existing && !sameSpec(poolSpec(existing), spec)) {
    const differing = differences(poolSpec(existing), poolSpecSchema.parse(spec)).join('; ');
    throw new Fault('POOL_EXISTS', { pool: name, differences: differing });
  }
  const changed = existing === undefined;
  if (changed && !flags.dryRun) {
    try {
      requireKept(definition, spec, (await kubernetes.create(nodePools, pool)).spec);
    } catch (error) {
      if (isFailure(error, 'AlreadyExists')) {
        const values = { pool: name, differences: 'made by somebody else a moment ago' };
        throw new Fault('POOL_EXISTS', values, { cause: error });
      }
      throw error;
    }
  }
  if (sharedFlags(command).json) printJson({ pool: { name, spec }, changed, dryRun: flags.dryRun ?? false });
  else if (flags.dryRun) printFields(fieldsOf(pool, spec));
  if (flags.dryRun) tellDone({ en: 'nothing was changed (--dry-run)', zh: '未做任何更改（--dry-run）' });
  else if (changed) tellDone({ en: `node pool ${name} made`, zh: `节点池 ${name} 已创建` });
  else tellDone({ en: `node pool ${name} is as desired already`, zh: `节点池 ${name} 已符合要求` });
}

async function specOf(kubernetes: Kubernetes, flags: CreateFlags): Promise<PoolSpec> {
  const given = [flags.label, flags.taint].flat();
  if (given.some((text) => String(text).endsWith('-'))) {
    throw new Fault('USAGE', { detail: 'a new pool has no labels or taints to take away' });
  }
  const spec = await changedSpec({
    ...flags,
    kubernetesVersion: flags.kubernetesVersion ?? (await clusterVersion(kubernetes)),
    clusterDns: flags.clusterDns ?? (await clusterDns(kubernetes)),
  });
  const parsed = poolSpecSchema.safeParse(spec);
  if (parsed.success) return JSON.parse(JSON.stringify(parsed.data)) as PoolSpec;
  throw new Fault('USAGE', { detail: whatIsWrong(parsed.error.issues[0], spec) });
}

/** v1.32.4+vendor.1 → v1.32.4: artifacts are named by the upstream release. */
async function clusterVersion(kubernetes: Kubernetes): Promise<string> {
  const { gitVersion } = (await kubernetes.request('GET', '/version')) as { gitVersion: string };
  return gitVersion.replace(/[-+].*$/, '');
}

async function clusterDns(kubernetes: Kubernetes): Promise<readonly string[]> {
  interface Service extends KubernetesObject {
    readonly spec?: { readonly clusterIP?: string };
  }
  const services = { apiVersion: 'v1', kind: 'Service', plural: 'services', namespaced: true };
  const service = (await kubernetes.get(services, 'kube-dns', 'kube-system')) as Service | undefined;
  return service?.spec?.clusterIP ? [service.spec.clusterIP] : [];
}

function listCommand(): Command {
  return new Command('list')
    .description('all node pools')
    .action(async (_flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const { items } = await kubernetes.list(nodePools);
      if (sharedFlags(command).json) {
        printJson({
          pools: items.map(({ metadata, spec, status }) => ({ name: metadata.name, spec, status })),
        });
        return;
      }
      printTable(
        ['NAME', 'VERSION', 'NETWORK', 'NODES', 'CONNECTED', 'READY', 'MAX', 'AGE'],
        items.map((pool) => {
          const spec = poolSpec(pool);
          const { nodes = 0, connected = 0, ready = 0 } = pool.status ?? {};
          return [
            pool.metadata.name,
            spec.kubernetesVersion,
            spec.network.mode,
            String(nodes),
            String(connected),
            String(ready),
            String(spec.maxNodes),
            age(pool.metadata.creationTimestamp),
          ];
        }),
      );
    });
}

function getCommand(): Command {
  return new Command('get')
    .description('one node pool with everything')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, command: Command) => {
      const { kubernetes } = await connect(command);
      const pool = await kubernetes.get(nodePools, name);
      if (!pool) throw new Fault('POOL_NOT_FOUND', { pool: name });
      const spec = poolSpec(pool);
      if (sharedFlags(command).json) printJson({ pool: { name, spec, status: pool.status } });
      else printFields(fieldsOf(pool, spec));
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('delete an empty node pool, and its join tokens')
    .argument('<name>')
    .option('--dry-run', 'print what would be deleted')
    .action(async (name: string, { dryRun }: { dryRun?: true }, command: Command) => {
      const { kubernetes } = await connect(command);
      if (!(await kubernetes.get(nodePools, name))) throw new Fault('POOL_NOT_FOUND', { pool: name });
      const { items } = await kubernetes.list(registeredNodes, { labelSelector: `regnode.io/pool=${name}` });
      if (items.length > 0) throw new Fault('POOL_IN_USE', { pool: name, count: items.length });
      const tokens = (await listTokens(kubernetes)).filter(({ pool }) => pool === name);
      if (!dryRun) {
        await kubernetes.remove(nodePools, name);
        for (const { id } of tokens) await revokeToken(kubernetes, id);
      }
      if (sharedFlags(command).json) {
        printJson({ deleted: name, revokedTokens: tokens.map(({ id }) => id), dryRun: dryRun ?? false });
      }
      tellDone(
        dryRun
          ? {
              en: `would delete the node pool ${name} and ${tokens.length} token(s)`,
              zh: `将删除节点池 ${name} 及 ${tokens.length} 个令牌`,
            }
          : {
              en: `node pool ${name} and ${tokens.length} token(s) deleted`,
              zh: `节点池 ${name} 及 ${tokens.length} 个令牌已删除`,
            },
      );
    });
}

function sameSpec(a: PoolSpec, b: PoolSpec): boolean {
  return isDeepStrictEqual(poolSpecSchema.parse(a), poolSpecSchema.parse(b));
}
