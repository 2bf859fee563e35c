// regnode netcheck: measures the private line, before a join (--gateway) or after it. Exit code 5: the line
// does not meet the pool's limits. With --every it measures until Ctrl-C and prints a line for each
// measurement, a view that redraws itself on a terminal, or JSON lines.
import { Command, InvalidArgumentError } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Terminal } from '../../protocol/cli/terminal.ts';
import type { NetworkMode } from '../../protocol/messages/desired.ts';
import { requireNoCredential } from '../../protocol/url-credential.ts';
import { gatewayUrlSchema, readConfiguration } from '../config/configuration.ts';
import { readIdentity } from '../identity/store.ts';
import { measureLine, type NetcheckOptions } from '../line/netcheck.ts';
import { findingsOf, renderLine, renderMeasurement } from '../line/report.ts';
import { partTitles } from '../line/words.ts';
import type { LineMeasurement } from '../state/line-measurement.ts';
import { readState } from '../state/state.ts';
import { type CliContext, terminalFor } from './context.ts';
import { parseDuration } from './durations.ts';
import { readCa } from './join-flags.ts';

interface Flags {
  readonly gateway?: string;
  readonly caFile?: string;
  readonly every?: number;
  readonly rounds?: number;
  readonly count: number;
  readonly throughput: boolean;
}

const intervalMs = 20;

export function netcheckCommand(context: CliContext, exit: (code: number) => void): Command {
  return new Command('netcheck')
    .description(
      'measure the private line to the gateway: way, round trips, loss, path MTU, UDP, clock, throughput',
    )
    .option('--gateway <url>', 'before a join: the gateway to measure to')
    .option('--ca-file <file>', "before a join: the gateway's CA")
    .option('--every <duration>', 'look again and again, e.g. 30s, until Ctrl-C', parseDuration)
    .option('--rounds <n>', 'with --every: end after so many looks', positive)
    .option('--count <n>', 'packets of a look', positive, 50)
    .option(
      '--no-throughput',
      'without the estimate of throughput (up to 20 MiB; with --every only the first look has it)',
    )
    .option('--json', 'as JSON; with --every one line a look')
    .action(async (flags: Flags, command: Command) => {
      const terminal = terminalFor(context, command);
      const { network, ...line } = await aboutLine(context, flags);
      const about = { ...line, kept: {} };
      const rounds = flags.every === undefined ? 1 : (flags.rounds ?? Number.POSITIVE_INFINITY);
      for (let round = 1; round <= rounds && !context.signal.aborted; round++) {
        const withThroughput = flags.throughput && round === 1;
        const measurement = await look(context, { ...about, withThroughput }, flags, terminal);
        if (measurement === undefined) {
          // Ended before there was anything to tell; later looks leave the verdict of the last one.
          if (round === 1) exit(1);
          return;
        }
        tell(measurement, { network, round, isRepeated: flags.every !== undefined }, context, terminal);
        exit(exitCodeOf(measurement, network));
        if (round < rounds)
          await context.host.clock.sleep(flags.every ?? 0, context.signal).catch(() => undefined);
      }
    });
}

/** 1: nothing is known to be wrong, because nothing could be measured. */
function exitCodeOf(measurement: LineMeasurement, network: NetworkMode | undefined): 0 | 1 | 5 {
  if (findingsOf(measurement, 'en', network).length > 0) return 5;
  return measurement.roundTrip === undefined ? 1 : 0;
}

type About = Pick<NetcheckOptions, 'gatewayUrl' | 'caPem' | 'identity' | 'thresholds' | 'kept'>;

/** Whose line: what the flags say, else this node's own. */
async function aboutLine({ host }: CliContext, flags: Flags): Promise<About & { network?: NetworkMode }> {
  const caPem = flags.caFile === undefined ? undefined : await readCa(host, flags.caFile);
  if (flags.gateway !== undefined) {
    requireNoCredential(flags.gateway, '--gateway');
    const parsed = gatewayUrlSchema.safeParse(flags.gateway);
    if (!parsed.success)
      throw new Fault('USAGE', { detail: `--gateway: "${flags.gateway}" is no https:// URL` });
    return { gatewayUrl: parsed.data, caPem };
  }
  const configuration = await readConfiguration(host);
  if (configuration === undefined) {
    throw new Fault('USAGE', { detail: '--gateway URL is needed on a host that has not joined' });
  }
  const { gatewayUrl } = configuration;
  // Only root can read the key: anybody else measures as a stranger would.
  const [identity, state] = await Promise.all([readIdentity(host), readState(host)]).catch(() => []);
  return {
    gatewayUrl,
    caPem: caPem ?? identity?.caPem,
    ...(identity && { identity }),
    ...(state && { thresholds: state.desired.line, network: state.desired.network.mode }),
  };
}

/** undefined when it was ended before there was anything to tell. */
async function look(
  { host, environment, signal }: CliContext,
  about: About & { withThroughput: boolean },
  { count }: Flags,
  terminal: Terminal,
): Promise<LineMeasurement | undefined> {
  try {
    return await measureLine(host, {
      ...about,
      environment,
      count,
      intervalMs,
      withInward: true,
      withPathMtu: true,
      signal,
      onPart: (part) => terminal.passing(terminal.say(partTitles[part])),
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    terminal.passing('');
  }
}

function tell(
  measurement: LineMeasurement,
  { network, round, isRepeated }: { network?: NetworkMode | undefined; round: number; isRepeated: boolean },
  { stdout }: CliContext,
  terminal: Terminal,
): void {
  const { language, colorsResult: color } = terminal;
  terminal.resultJson({ ...measurement, findings: findingsOf(measurement, language, network) });
  if (isRepeated && stdout.isTTY !== true) terminal.result(`${renderLine(measurement, language, network)}\n`);
  else {
    // From the top of a cleared screen: the view stays where it is and only its numbers change.
    if (isRepeated && round > 1) terminal.clear();
    terminal.result(`${renderMeasurement(measurement, language, { color, network })}\n`);
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000)
    throw new InvalidArgumentError('a number from 1 to 1000');
  return value;
}
