// regnode join: from a fresh host to a Ready node, each phase told with the time that it took.
import { Command } from 'commander';
import type { Text } from '../../protocol/catalogue/text.ts';
import type { Terminal } from '../../protocol/cli/terminal.ts';
import { versionsInUse } from '../components/versions.ts';
import { type JoinPhase, joinNode } from '../node/join.ts';
import { provisionalNode } from '../node/provisional.ts';
import { planNode } from '../node/reconcile.ts';
import type { Plan } from '../plan/plan.ts';
import { planToJson, renderPlan } from '../plan/render.ts';
import { readState } from '../state/state.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';
import { type JoinFlags, readJoinSettings } from './join-flags.ts';
import { tellLine } from './line-at-join.ts';
import { PhaseProgress } from './phase-progress.ts';
import { names, requirePreflight } from './preflight-command.ts';

interface Flags extends JoinFlags {
  readonly dryRun?: boolean;
  readonly ignore?: string[];
  readonly timeout: string;
  readonly verbose?: boolean;
}

const titles: Readonly<Record<JoinPhase, Text>> = {
  wait: { en: "wait for the agent's round to end", zh: '等待代理当前轮次结束' },
  preflight: { en: 'preflight: can this host join?', zh: '预检：此主机能否加入' },
  register: { en: 'register with the gateway', zh: '向网关登记' },
  install: { en: 'install and start', zh: '安装并启动组件' },
  ready: { en: 'wait until the node is Ready', zh: '等待节点就绪' },
};

export function joinCommand(context: CliContext): Command {
  return new Command('join')
    .description(
      'make this host a node of the cluster behind a gateway; running it again finishes or does nothing',
    )
    .option('--gateway <url>', 'https URL of the gateway')
    .option('--ca-file <file>', "the gateway's CA, as the join command pins it")
    .option('--artifact-key-sha256 <hash>', 'of the public key that signs the artifacts')
    .option('--manifest-serial <n>', 'a manifest of the artifacts older than this one is refused')
    .option(
      '--artifact-dir <path>',
      'take archives from this folder, or tar made of a store, if they are there',
    )
    .option(
      '--mirror <urls...>',
      'take archives, not the trust, from there; tried in turn before the gateway',
    )
    .option('--rate-limit <bytes>', 'of all downloads together, per second: 500K, 10M')
    .option('--token-file <file>', 'file with the join token (or the variable REGNODE_TOKEN)')
    .option('--name <name>', 'node name (default: the host name)')
    .option('--ignore <names...>', 'checks of preflight that do not count')
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--timeout <seconds>', 'how long to wait for the node to become Ready', '300')
    .option('--verbose', 'a line for each step, however short')
    .option('--json', 'the result as JSON')
    .action(async (flags: Flags, command: Command) => {
      const terminal = terminalFor(context, command);
      requireRoot(context.host);
      if (flags.dryRun) await dryRun(context, terminal, flags);
      else await join(context, terminal, flags);
    });
}

async function join(context: CliContext, terminal: Terminal, flags: Flags): Promise<void> {
  const { host, signal } = context;
  const settings = await readJoinSettings(context, flags);
  const progress = new PhaseProgress(terminal, host.clock, { verbose: flags.verbose === true });
  let line: Promise<void> | undefined;
  const { outcome, identity, desired } = await joinNode(host, {
    settings,
    signal,
    readyTimeoutMs: Number(flags.timeout) * 1000,
    preflight: async (pool) => {
      line = tellLine(context, terminal, settings);
      await requirePreflight(context, terminal, { ...settings, ...pool }, names(flags.ignore ?? []));
    },
    beforeInstall: async () => line,
    listener: {
      phase: (phase) => progress.phase(phase, terminal.say(titles[phase])),
      plan: (plan) => progress.plan(plan),
      step: (event) => progress.step(event),
      waiting: (detail) => progress.detail(detail),
    },
  });
  progress.end();
  const { nodeName, pool, gatewayUrl } = identity;
  const done: Text =
    outcome === 'joined'
      ? { en: `${nodeName} is a Ready node of pool ${pool}`, zh: `${nodeName} 已是节点池 ${pool} 的就绪节点` }
      : {
          en: `nothing to do: ${nodeName} is a Ready node already`,
          zh: `无需操作：${nodeName} 已是就绪节点`,
        };
  terminal.progress('ok', terminal.say(done));
  terminal.resultJson({
    outcome,
    node: nodeName,
    pool,
    gateway: gatewayUrl,
    revision: desired.revision,
    phases: progress.phases,
  });
}

/**
 * A join consumes a use of the token, so nothing is registered: what the gateway would
 * send is guessed from its store.
 */
async function dryRun(context: CliContext, terminal: Terminal, flags: Flags): Promise<void> {
  const { host } = context;
  const settings = await readJoinSettings(context, flags);
  const state = await readState(host);
  let plan: Plan;
  if (state === undefined) {
    await requirePreflight(context, terminal, settings, names(flags.ignore ?? []));
    ({ plan } = await planNode(host, await provisionalNode(host, settings, context.signal)));
    terminal.note(terminal.say(provisional));
  } else {
    const desired = versionsInUse(state.desired, state.versions);
    ({ plan } = await planNode(host, { ...state, desired }));
  }
  terminal.result(renderPlan(plan, terminal.colorsResult));
  terminal.resultJson({ provisional: state === undefined, plan: planToJson(plan) });
}

const provisional: Text = {
  en: 'Not registered: versions are the newest of the gateway, and what only the pool knows is a placeholder.',
  zh: '尚未登记：版本取自网关的最新制品，仅节点池知道的内容以占位符表示。',
};
