// The commands of regnode-gateway and their flags: `setup` prepares a cluster once, `serve` is the gateway,
// `bundle` makes and signs the artifact store that it serves.
import { Command } from 'commander';
import { pino } from 'pino';
import { completionCommand } from '../../protocol/cli/completion.ts';
import { printableJson } from '../../protocol/printable.ts';
import { authorityCommand } from '../cli/authority-command.ts';
import { bundleCommand } from '../cli/bundle-command.ts';
import { ownLanguage } from '../cli/language.ts';
import { tellDone } from '../cli/outcome.ts';
import { printLines, tellProgress } from '../cli/output.ts';
import { connectCluster } from '../kubernetes/connect.ts';
import { approvalWarnings } from '../setup/approvals.ts';
import { type SetupOptions, setUpCluster } from '../setup/setup.ts';
import { addRemoteWriteFlags } from '../telemetry/remote-write/flags.ts';
import { gatewayVersion } from '../version.ts';
import { parseServeOptions } from './options.ts';
import { serve } from './serve.ts';
import { limitYoungGeneration } from './young-generation.ts';

export function gatewayProgram(): Command {
  const program = new Command('regnode-gateway')
    .description('The cloud side of regnode: registers hosts of your own data centre as nodes of a cluster')
    .version(gatewayVersion, '-V, --version')
    .showHelpAfterError('(see --help)');

  program
    .command('setup')
    .description(
      'apply namespace, custom resources and access rights to a cluster; running it again is harmless',
    )
    .option('--kubeconfig <file>', 'kubeconfig of a cluster administrator')
    .option(
      '--cilium',
      'let the gateway start Cilium’s privileged pods (default: when a pool asks for Cilium)',
    )
    .option('--no-cilium', 'take that right away')
    .option(
      '--new-authority',
      'make a CA where the one is lost that hosts joined with: each of them has to join again',
    )
    .action(async ({ kubeconfig, ...options }: SetupOptions & { kubeconfig?: string }) => {
      const { kubernetes } = await connectCluster(kubeconfig);
      await setUpCluster(kubernetes, (line) => tellProgress(`[ok] ${line}`), options);
      for (const warning of await approvalWarnings(kubernetes)) {
        const { message, remedy } = warning.explain(ownLanguage());
        tellProgress(`[warn] ${warning.code}: ${message} ${remedy}`);
      }
      tellDone({ en: 'the cluster is set up for regnode', zh: '集群已为 regnode 初始化完成' });
    });

  const serveCommand = program
    .command('serve')
    .description('run the gateway until it is told to stop')
    .requiredOption('--listen <address:port>', 'the public TLS port', '0.0.0.0:443')
    .requiredOption('--public-url <url>', 'https URL under which hosts reach this gateway')
    .requiredOption('--artifacts <dir>', 'artifact store, see "bundle build"')
    .option('--artifact-key-sha256 <hash>', 'the key that must have signed it (default: one that lies in it)')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, the pod’s service account, ~/.kube/config')
    .option('--egress-socket <path>', 'unix socket for the API server’s egress selector (HTTP CONNECT)')
    .option(
      '--probe-listen <address:port>',
      'UDP port of line probes (default: 8472 beside --listen), or "off"',
    )
    .option('--metrics-listen <address:port>', 'plain HTTP for /metrics, /nodes, /healthz', '127.0.0.1:9464')
    .option('--api-server-url <url>', 'the API server as hosts see it (default: the one of the kubeconfig)')
    .option('--audit-file <path>', 'audit records as JSON lines; - is stdout', '-')
    .option('--certificate-lifetime <duration>', "life of a node's certificate, renewed at two thirds", '90d')
    .option('--drain-timeout-ms <ms>', 'the longest that a drain may take', '300000')
    .option('--name <name>', 'name of this replica (default: the host name)')
    .option('--scrape-token-file <file>', 'bearer token that the metrics port asks for; read anew each time')
    .option('--kubelet-ca-file <file>', 'roots of the kubelets’ certificates (default: the API server’s)')
    .option(
      '--replica-listen <address:port>',
      'where the other replicas of the gateway connect',
      '0.0.0.0:9465',
    )
    .option('--replica-address <host:port>', 'at which they reach it (default: an address of this machine)')
    .option(
      '--connections-per-address <n>',
      'without a node’s certificate; raise it behind a balancer that hides where hosts come from',
      '256',
    )
    .option('--drain-grace <duration>', 'at a stop: how long streams that are open may go on', '10s')
    .option('--log-level <level>', 'trace, debug, info, warn, error', 'info')
    .action(async (flags: Record<string, string>) => {
      const options = parseServeOptions(flags);
      limitYoungGeneration();
      const level = flags.logLevel ?? 'info';
      const logger = pino({ level, hooks: { streamWrite: printableJson } }, pino.destination(2));
      const stop = new AbortController();
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
      await serve(options, await connectCluster(flags.kubeconfig), logger, stop.signal);
    });

  addRemoteWriteFlags(serveCommand);
  program.addCommand(authorityCommand());
  program.addCommand(bundleCommand());
  program
    .command('version')
    .description('print the version')
    .action(() => {
      printLines(gatewayVersion);
    });
  program.addCommand(completionCommand(program, process.stdout));
  return program;
}
