// regnode status: what the daemon says about this node. Exit 5 when the node is not as it should be.
import { Command } from 'commander';
import { Fault } from '../../protocol/fault.ts';
import { readConfiguration } from '../config/configuration.ts';
import { type DaemonStatus, readStatus } from '../daemon/status.ts';
import { textsOf } from '../health/texts.ts';
import { renderLine } from '../line/report.ts';
import { type CliContext, terminalFor } from './context.ts';
import type { Terminal } from './terminal.ts';

export function statusCommand(context: CliContext, exit: (code: number) => void): Command {
  return new Command('status')
    .description('show the state of this node')
    .option('--json', 'as JSON')
    .action(async (_flags: object, command: Command) => {
      const { host } = context;
      const terminal = terminalFor(context, command);
      // Anybody may read what the daemon has written; whether the host has joined only root can tell.
      const isRoot = host.processes.uid === 0;
      if (isRoot && (await readConfiguration(host)) === undefined) throw new Fault('NOT_JOINED');
      const status = await readStatus(host);
      if (status === undefined) {
        throw isRoot ? new Fault('DAEMON_NOT_RUNNING') : new Fault('NOT_ROOT', { uid: host.processes.uid });
      }
      const isCritical = status.health?.some(({ severity }) => severity === 'critical') ?? false;
      const isHealthy = status.tunnel.state === 'Open' && status.phase === 'Running' && !isCritical;
      terminal.result(render(status) + renderHealth(status, terminal));
      terminal.resultJson({ healthy: isHealthy, ...status });
      if (isHealthy) return;
      terminal.note(
        terminal.say({
          en: 'What is broken and what to do: regnode doctor',
          zh: '查找原因与处理办法：regnode doctor',
        }),
      );
      exit(5);
    });
}

function render(status: DaemonStatus): string {
  const mark = (ok: boolean) => (ok ? '[ok]  ' : '[fail]');
  const { tunnel, certificate, reconcile, services, telemetry } = status;
  const replica = tunnel.replica === '' ? '' : `, replica ${tunnel.replica}`;
  const way = `${status.gateway}${replica}${tunnel.proxy === '' ? '' : ` through the proxy ${tunnel.proxy}`}`;
  const rows: [boolean, string, string][] = [
    [true, 'node', `${status.nodeName} (${status.pool})`],
    [tunnel.state === 'Open', 'tunnel', `${tunnel.state} → ${way}${suffix(tunnel.lastFault)}`],
    [true, 'streams', `${tunnel.streams} open, ${kept(tunnel)}`],
    [
      certificate.fault === '',
      'certificate',
      `good until ${certificate.expiresAt}${suffix(certificate.fault)}`,
    ],
    [status.phase === 'Running', 'phase', `${status.phase}${suffix(status.detail)}`],
    [reconcile.fault === '', 'reconcile', `${reconcile.revision || '-'}${suffix(reconcile.fault)}`],
    ...upgradeRows(status),
    [services.kubeletHealthy, 'kubelet', services.kubeletHealthy ? 'healthy' : 'not healthy'],
    [services.containerdHealthy, 'containerd', services.containerdHealthy ? 'healthy' : 'not healthy'],
    ...(status.line ? [lineRow(status.line)] : []),
    [
      telemetry.lost === 0,
      'telemetry',
      `${telemetry.acknowledged} acknowledged, ${telemetry.pending} pending, ${telemetry.lost} lost`,
    ],
  ];
  return rows.map(([ok, name, text]) => `${mark(ok)} ${name.padEnd(11)}  ${text}\n`).join('');
}

/** The last look; what is bad about it is told below once it lasts. */
function lineRow(line: NonNullable<DaemonStatus['line']>): [boolean, string, string] {
  const isReached = line.hops.every(({ fault }) => fault === undefined);
  return [isReached, 'line', renderLine(line, 'en').replace(/\[\w+\] +/, '')];
}

/** What ails the node, the causes first; a consequence in one line. */
function renderHealth({ health = [] }: DaemonStatus, terminal: Terminal): string {
  const lines = health.map((finding) => {
    const { code, severity, since, cause } = finding;
    const mark = severity === 'critical' ? '[fail]' : '[warn]';
    const head = `${mark} ${code}  ${terminal.say({ en: `since ${since}`, zh: `始于 ${since}` })}`;
    if (cause !== undefined) {
      return `${head}  ${terminal.say({ en: `because of ${cause}`, zh: `由 ${cause} 引起` })}\n`;
    }
    const { message, remedy } = textsOf(finding, terminal.language);
    return `${head}\n       ${message}\n       → ${remedy}\n`;
  });
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

function upgradeRows({ versions, upgrades, drift }: DaemonStatus): [boolean, string, string][] {
  const standing = drift.filter(({ repaired }) => !repaired);
  const inUse = Object.entries(versions).map(([component, version]) => `${component} ${version}`);
  return [
    [true, 'versions', inUse.join(', ') || '-'],
    ...upgrades.map(({ component, from, to, state, code, detail }): [boolean, string, string] => [
      state === 'trying',
      'upgrade',
      `${component} ${from} → ${to}: ${state}${code ? ` (${code})` : ''}${suffix(detail ?? '')}`,
    ]),
    [
      standing.length === 0,
      'drift',
      standing.map(({ key, reason }) => `${key} (${reason})`).join(', ') || 'none',
    ],
  ];
}

function kept({ unacknowledgedBytes, unacknowledgedLimitBytes }: DaemonStatus['tunnel']): string {
  const kib = (bytes: number) => Math.ceil(bytes / 1024);
  return `${kib(unacknowledgedBytes)} of ${kib(unacknowledgedLimitBytes)} KiB kept for a resumption`;
}

function suffix(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}
