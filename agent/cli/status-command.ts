// regnode status: what the daemon says about this node. Exit 5 when the node is not as it should be.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { readConfiguration } from '../config/configuration.ts';
import { readStatus } from '../state/status.ts';
import { type CliContext, terminalFor } from './context.ts';
import { renderStatus } from './status-report.ts';

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
      const isHealthy =
        status.tunnel.state === 'Open' &&
        status.phase === 'Running' &&
        !isCritical &&
        status.conflict === undefined &&
        status.addresses?.refused === undefined &&
        (status.cluster === undefined || status.cluster.ready === 'True');
      terminal.result(renderStatus(status, terminal.language));
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
