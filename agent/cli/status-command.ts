// regnode status: what the daemon says about this node. Exit 5 when the node is not as it should be.
import { Command } from 'commander';
import { Fault } from '../../protocol/fault.ts';
import { readConfiguration } from '../config/configuration.ts';
import { type DaemonStatus, readStatus } from '../daemon/status.ts';
import { type CliContext, terminalFor } from './context.ts';

export function statusCommand(context: CliContext, exit: (code: number) => void): Command {
  return new Command('status')
    .description('show the state of this node')
    .option('--json', 'as JSON')
    .action(async (_flags: object, command: Command) => {
      const { host } = context;
      const terminal = terminalFor(context, command);
      const configuration = await readConfiguration(host);
      if (configuration === undefined) throw new Fault('NOT_JOINED');
      const status = await readStatus(host);
      if (status === undefined) throw new Fault('DAEMON_NOT_RUNNING');
      const isHealthy = status.tunnel.state === 'Open' && status.phase === 'Running';
      terminal.result(render(status));
      terminal.resultJson({ healthy: isHealthy, ...status });
      if (!isHealthy) exit(5);
    });
}

function render(status: DaemonStatus): string {
  const mark = (ok: boolean) => (ok ? '[ok]  ' : '[fail]');
  const { tunnel, certificate, reconcile, services, telemetry } = status;
  const way = `${status.gateway}${tunnel.proxy === '' ? '' : ` through the proxy ${tunnel.proxy}`}`;
  const rows: [boolean, string, string][] = [
    [true, 'node', `${status.nodeName} (${status.pool})`],
    [tunnel.state === 'Open', 'tunnel', `${tunnel.state} → ${way}${suffix(tunnel.lastFault)}`],
    [
      certificate.fault === '',
      'certificate',
      `good until ${certificate.expiresAt}${suffix(certificate.fault)}`,
    ],
    [status.phase === 'Running', 'phase', `${status.phase}${suffix(status.detail)}`],
    [reconcile.fault === '', 'reconcile', `${reconcile.revision || '-'}${suffix(reconcile.fault)}`],
    [services.kubeletHealthy, 'kubelet', services.kubeletHealthy ? 'healthy' : 'not healthy'],
    [services.containerdHealthy, 'containerd', services.containerdHealthy ? 'healthy' : 'not healthy'],
    [
      telemetry.lost === 0,
      'telemetry',
      `${telemetry.acknowledged} acknowledged, ${telemetry.pending} pending, ${telemetry.lost} lost`,
    ],
  ];
  return rows.map(([ok, name, text]) => `${mark(ok)} ${name.padEnd(11)}  ${text}\n`).join('');
}

function suffix(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}
