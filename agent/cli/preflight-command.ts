// regnode preflight: whether this host can join, without a token and without changing anything.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Terminal } from '../../protocol/cli/terminal.ts';
import type { NetworkMode } from '../../protocol/messages/desired.ts';
import { requireNoCredential } from '../../protocol/url-credential.ts';
import type { PreflightContext } from '../preflight/check.ts';
import { addressOf, contains } from '../preflight/observation/addresses.ts';
import { explainReport, renderReport } from '../preflight/report.ts';
import { runPreflight } from '../preflight/runner.ts';
import { assertCanJoin, exitCodeOf } from '../preflight/summary.ts';
import { type CliContext, terminalFor } from './context.ts';
import { readCa } from './join-flags.ts';

interface Flags {
  readonly gateway?: string;
  readonly caFile?: string;
  readonly name?: string;
  readonly pool?: string;
  readonly kubernetesVersion?: string;
  readonly network?: string;
  readonly clusterCidrs?: string[];
  readonly only?: string[];
  readonly skip?: string[];
  readonly ignore?: string[];
  readonly failOnWarnings?: boolean;
}

export function preflightCommand(context: CliContext, exit: (code: number) => void): Command {
  return new Command('preflight')
    .description('check whether this host can join; changes nothing')
    .option('--gateway <url>', 'also check the way to this gateway')
    .option('--ca-file <file>', "the gateway's CA")
    .option('--name <name>', 'the node name that will be used')
    .option('--pool <pool>', 'the pool that will be joined')
    .option('--kubernetes-version <version>', 'the version that the pool installs')
    .option('--network <mode>', 'cilium or external')
    .option('--cluster-cidrs <ranges...>', 'ranges of pods and services, to find an overlap with this host')
    .option('--only <names...>', 'run only these checks or groups')
    .option('--skip <names...>', 'leave these checks or groups out')
    .option('--ignore <names...>', 'show these, but do not count them')
    .option('--fail-on-warnings', 'a warning is a failure too')
    .option('--json', 'as JSON')
    .action(async (flags: Flags, command: Command) => {
      const terminal = terminalFor(context, command);
      const { only, skip, ignore, failOnWarnings = false } = flags;
      const report = await runPreflight(context.host, await contextOf(context, flags), {
        failOnWarnings,
        signal: context.signal,
        ...(only ? { only: names(only) } : {}),
        ...(skip ? { skip: names(skip) } : {}),
        ...(ignore ? { ignore: names(ignore) } : {}),
      });
      terminal.result(`${renderReport(report, terminal.language, { color: terminal.colorsResult })}\n`);
      terminal.resultJson(explainReport(report, terminal.language));
      if (report.verdict === 'cannot-join') exit(exitCodeOf(report));
    });
}

/** Tells the report, and throws PREFLIGHT_FAILED when this host must not join. */
export async function requirePreflight(
  context: CliContext,
  terminal: Terminal,
  about: PreflightContext,
  ignore: readonly string[],
): Promise<void> {
  const { signal } = context;
  const report = await runPreflight(context.host, about, { ignore, signal });
  signal.throwIfAborted();
  if (report.verdict === 'can-join' && report.counts.warn === 0) return;
  terminal.note(
    renderReport(report, terminal.language, {
      color: terminal.isWatched && !context.environment.NO_COLOR,
      findingsOnly: true,
    }),
  );
  assertCanJoin(report);
}

/** `--skip a,b` and `--skip a b` are the same. */
export function names(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).filter(Boolean);
}

async function contextOf(context: CliContext, flags: Flags): Promise<PreflightContext> {
  if (flags.gateway !== undefined) requireNoCredential(flags.gateway, '--gateway');
  const caPem = flags.caFile === undefined ? undefined : await readCa(context.host, flags.caFile);
  return {
    ...(flags.gateway === undefined ? {} : { gatewayUrl: flags.gateway }),
    ...(caPem === undefined ? {} : { caPem }),
    ...(flags.name === undefined ? {} : { nodeName: flags.name }),
    ...(flags.pool === undefined ? {} : { pool: flags.pool }),
    ...(flags.kubernetesVersion === undefined ? {} : { kubernetesVersion: flags.kubernetesVersion }),
    ...(flags.clusterCidrs === undefined ? {} : { clusterCidrs: ranges(flags.clusterCidrs) }),
    ...(flags.network === undefined ? {} : { networkMode: networkMode(flags.network) }),
  };
}

function ranges(values: readonly string[]): string[] {
  return names(values).map((range) => {
    if (contains(range, addressOf(range))) return range;
    throw new Fault('USAGE', { detail: `--cluster-cidrs: "${range}" is no range such as 10.244.0.0/16` });
  });
}

function networkMode(text: string): NetworkMode {
  if (text === 'cilium' || text === 'external') return text;
  throw new Fault('USAGE', { detail: `--network is cilium or external, not "${text}"` });
}
