// What systemd says of one of regnode's units, and whether its main process is stopped in its tracks.
import type { Host } from '../../host/host.ts';
import { statFields } from '../../host/proc.ts';

const serviceProperties = 'Id,LoadState,ActiveState,SubState,Result,MainPID,NRestarts,ExecMainStatus';

export interface Service {
  readonly loaded: boolean;
  readonly active: string;
  readonly sub: string;
  readonly result: string;
  readonly pid: number;
  readonly restarts: string;
  readonly exitStatus: string;
}

/** undefined when systemd does not answer. */
export async function readService(host: Host, unit: string): Promise<Service | undefined> {
  const { exitCode, stdout } = await host.processes.run('systemctl', [
    'show',
    `--property=${serviceProperties}`,
    unit,
  ]);
  return exitCode === 0 ? parseService(stdout) : undefined;
}

function parseService(text: string): Service {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    loaded: value('LoadState') === 'loaded',
    active: value('ActiveState'),
    sub: value('SubState'),
    result: value('Result'),
    pid: Number(value('MainPID') || 0),
    restarts: value('NRestarts') || '?',
    exitStatus: value('ExecMainStatus') || '?',
  };
}

/**
 * The kernel's letter for what a process does: `T` is stopped by a signal, `D`
 * waits for a device, `` has gone.
 */
export async function processState(host: Host, pid: number): Promise<string> {
  const stat = await host.files.readText(`/proc/${pid}/stat`).catch(() => undefined);
  return statFields(stat ?? '')[0] ?? '';
}
