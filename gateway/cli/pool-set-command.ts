// regnodectl pool set: changes what is given of a pool and leaves the rest; its nodes follow by themselves.
import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { whatIsWrong } from '../../protocol/grammar.ts';
import { type PoolSpec, poolSpecSchema } from '../../protocol/settings/pool.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { assertFits } from '../pools/desired-state.ts';
import { isRollout, restartedBy } from '../pools/restarts.ts';
import { skewFault } from '../pools/skew.ts';
import { definitionName } from '../resources/definitions.ts';
import { nodePools, type PoolObject, poolSpec } from '../resources/node-pool.ts';
import { requireInstalled, requireKept } from '../setup/installed.ts';
import { connect, sharedFlags } from './context.ts';
import { say } from './language.ts';
import { requireOffered, type StorePatience } from './offered-versions.ts';
import { tellDone } from './outcome.ts';
import { printJson, printLines, tellProgress } from './output.ts';
import { changedSpec } from './pool-changes.ts';
import { type PoolFlags, withPoolOptions } from './pool-options.ts';

export function setCommand(): Command {
  return withPoolOptions(
    new Command('set')
      .description('change a node pool: what is not named stays; KEY- takes a label or taint away')
      .argument('<name>'),
  )
    .option('--dry-run', 'print what would change')
    .action(set);
}

async function set(name: string, flags: ChangeFlags, command: Command): Promise<void> {
  const { kubernetes } = await connect(command);
  const { changes, spec } = await changePool(kubernetes, name, flags);
  const dryRun = flags.dryRun ?? false;
  const restarts = restartedBy(changes.map(fieldOf));
  if (sharedFlags(command).json)
    printJson({ pool: { name, spec }, changed: changes.length > 0, restarts, dryRun });
  else for (const line of changes) printLines(line);
  tellChanged(name, changes, dryRun);
  if (changes.length > 0) tellProgress(say(effectOf(spec, changes.map(fieldOf))));
}

const poolDefinition = definitionName(nodePools);

export type ChangeFlags = PoolFlags & { readonly dryRun?: true };

export interface ChangedPool {
  readonly spec: PoolSpec;
  /** `kubelet.maxPods: 110 → 50` */
  readonly changes: readonly string[];
  /** Generation of the pool now. */
  readonly generation: number;
}

export async function changePool(
  kubernetes: Kubernetes,
  name: string,
  flags: ChangeFlags,
  patience: StorePatience = {},
): Promise<ChangedPool> {
  for (let attempt = 1; ; attempt++) {
    await requireInstalled(kubernetes, 'unknown', [poolDefinition]);
    const pool = await kubernetes.get(nodePools, name);
    if (!pool) throw new Fault('POOL_NOT_FOUND', { pool: name });
    const spec = await changedSpec(flags, pool.spec);
    const before = poolSpec(pool);
    const parsed = poolSpecSchema.safeParse(spec);
    if (!parsed.success) {
      throw new Fault('USAGE', { detail: whatIsWrong(parsed.error.issues[0], spec) });
    }
    if (parsed.data.kubernetesVersion !== before.kubernetesVersion) {
      await requireSkew(kubernetes, parsed.data.kubernetesVersion);
    }
    assertFits({ pool: name, ...parsed.data });
    await requireOffered(kubernetes, before, parsed.data, patience);
    const changes = differences(before, parsed.data);
    const done = (current: PoolObject) => ({
      spec: parsed.data,
      changes,
      generation: current.metadata.generation ?? 0,
    });
    if (changes.length === 0 || flags.dryRun) return done(pool);
    try {
      const kept = await kubernetes.replace(nodePools, { ...pool, spec: spec as PoolObject['spec'] });
      requireKept(poolDefinition, spec, kept.spec);
      return done(kept);
    } catch (error) {
      // Somebody else changed it meanwhile: once more, from what is there now.
      if (!isFailure(error, 'Conflict') || attempt >= 5) throw error;
    }
  }
}

export function tellChanged(name: string, changes: readonly string[], dryRun: boolean): void {
  if (dryRun) tellDone({ en: 'nothing was changed (--dry-run)', zh: '未做任何更改（--dry-run）' });
  else if (changes.length > 0) tellDone({ en: `node pool ${name} changed`, zh: `节点池 ${name} 已修改` });
  else tellDone({ en: `node pool ${name} is as desired already`, zh: `节点池 ${name} 已符合要求` });
}

const fieldOf = (change: string) => change.slice(0, change.indexOf(':'));

/** Whether it is a rollout, and of what. */
function effectOf({ upgrade: { maxUnavailable, paused } }: PoolSpec, fields: readonly string[]): Text {
  if (!isRollout(fields))
    return { en: 'applied at once; nothing restarts for it', zh: '立即生效，无需重启任何服务' };
  const names = restartedBy(fields).join(', ');
  const restarts =
    names === '' ? { en: '', zh: '' } : { en: ` (restarts ${names})`, zh: `（重启 ${names}）` };
  const wait = paused ? { en: ', when it is resumed', zh: '，恢复后开始' } : { en: '', zh: '' };
  return {
    en: `a rollout${restarts.en}: ${maxUnavailable} node(s) at a time${wait.en}`,
    zh: `滚动更新${restarts.zh}：每次 ${maxUnavailable} 个节点${wait.zh}`,
  };
}

async function requireSkew(kubernetes: Kubernetes, version: string): Promise<void> {
  const { gitVersion } = (await kubernetes.request('GET', '/version')) as { gitVersion: string };
  const fault = skewFault(version, gitVersion);
  if (fault) throw fault;
}

/** `kubelet.maxPods: 110 → 50`, a line for each field. */
export function differences(before: object, after: object, path = ''): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [old, now] = [before, after].map((side) => (side as Readonly<Record<string, unknown>>)[name]);
    if (isDeepStrictEqual(old, now)) return [];
    const place = path === '' ? name : `${path}.${name}`;
    if (isObject(old) && isObject(now)) return differences(old, now, place);
    return [`${place}: ${JSON.stringify(old) ?? 'unset'} → ${JSON.stringify(now) ?? 'unset'}`];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
