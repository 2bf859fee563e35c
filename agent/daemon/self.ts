// Who this node is, as a join has left it on the disk, and what the agent before this one remembered.
// Starting again can't mend what is missing here: exit code 2, and systemd leaves it at that.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { ApiServerAccess, DesiredState } from '../../protocol/messages/desired.ts';
import type { HealthFinding } from '../../protocol/messages/health.ts';
import type { Machine } from '../../protocol/messages/machine.ts';
import { type AgentConfiguration, readConfiguration } from '../config/configuration.ts';
import { paths } from '../config/paths.ts';
import { readMachine } from '../identity/machine.ts';
import { type Identity, readIdentity } from '../identity/store.ts';
import { readState } from '../state/state.ts';
import { readStatus } from '../state/status.ts';
import { type TelemetrySettings, telemetrySettings } from '../telemetry/settings.ts';
import type { Given } from './given.ts';

export interface Self {
  readonly configuration: AgentConfiguration;
  readonly identity: Identity;
  readonly settings: TelemetrySettings;
  readonly machine: Machine;
  readonly remembered: readonly HealthFinding[] | undefined;
  readonly course: Course;
}

/** Where the node is to go; the gateway's last word. */
interface Course {
  desired: DesiredState;
  /** Why it leaves; empty while it stays. */
  leaving: string;
  /**
   * How the kubelet that runs reaches its API server, which need not be the
   * desired way while a restart waits.
   */
  accessInUse: ApiServerAccess;
}

/** The way is kept open for the kubelet that runs, and for the one that is to run. */
export function apiServerAccess({ desired, accessInUse }: Course): ApiServerAccess {
  return accessInUse === 'tunnel' ? accessInUse : desired.apiServerAccess;
}

export async function readSelf({ host }: Given): Promise<Self> {
  const configuration = present(paths.configuration, await readConfiguration(host));
  const identity = present(paths.identity, await readIdentity(host));
  const { desired, settings: tried } = present(paths.stateFile, await readState(host));
  const accessInUse = (tried.proven ?? desired).apiServerAccess;
  const settings = telemetrySettings(host.environment);
  const remembered = (await readStatus(host))?.health;
  const machine = await readMachine(host);
  return {
    configuration,
    identity,
    settings,
    machine,
    remembered,
    course: { desired, leaving: '', accessInUse },
  };
}

function present<T>(path: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new Fault('CONFIGURATION_INVALID', { path, detail: 'it is missing or not complete' });
}
