// The gateway wants the node gone. `regnode leave` stops the daemon on its way, so it must not be the
// daemon's child: it runs as a unit of its own, which outlives us.
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Host } from '../host/host.ts';

const unit = 'regnode-leave';
const program = '/opt/regnode/bin/regnode';

export async function startLeaving(host: Host, logger: Logger, reason: string): Promise<void> {
  logger.info({ reason }, 'leaving, as the gateway asked');
  // A leave that failed before is still known by its name.
  await host.processes.run('systemctl', ['reset-failed', `${unit}.service`]);
  const args = [`--unit=${unit}`, '--description=regnode leave', program, 'leave', '--yes', '--no-drain'];
  const started = await host.processes.run('systemd-run', args);
  if (started.exitCode === 0) return;
  const values = { command: 'systemd-run', outcome: started.outcome, detail: started.stderr.trim() };
  logger.error({ error: new Fault('COMMAND_FAILED', values) }, 'leave could not be started');
}
